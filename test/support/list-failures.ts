/** The failed assertions in the text of a TAP report, each with the names of the file and the tests around it. */
export function listFailures(report: string): readonly string[] {
  const failures: string[] = []
  const open: { readonly name: string; readonly failuresBefore: number }[] = []
  let endOfDetails: string | undefined
  for (const line of report.split('\n')) {
    const [, indent = '', text = ''] = /^( *)(.*)$/.exec(line) ?? []
    if (endOfDetails !== undefined) {
      if (line === endOfDetails) endOfDetails = undefined
      continue
    }
    if (text === '---') endOfDetails = `${indent}...`
    const depth = indent.length / 4
    const [, subtest] = /^# Subtest: (.*)$/.exec(text) ?? []
    if (subtest !== undefined)
      open.splice(depth, Infinity, { name: subtest, failuresBefore: failures.length })
    const [, name] = /^not ok \d+(?: - )?((?:(?! # ).)*)(?: # time=\S+)?$/.exec(text) ?? []
    // Only a directive like TODO follows another # that is not escaped.
    if (name === undefined) continue
    // A test that ends repeats the failures in it.
    const ended = open[depth]
    const isRepeated = ended?.name === name && ended.failuresBefore < failures.length
    open.length = Math.min(open.length, depth)
    if (!isRepeated)
      failures.push([...open.map((test) => test.name), name].join(' > ').replaceAll('\\#', '#'))
  }
  return failures
}
