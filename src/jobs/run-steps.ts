// A shutdown waits for the run of a job.
const longestRunMs = 2000

/** Repeats a step of a job while it returns that there is more to do, for at most 2 s. */
export async function runSteps(step: () => Promise<boolean>): Promise<void> {
  const ends = Date.now() + longestRunMs
  while (Date.now() < ends && (await step()));
}
