import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { access, constants, mkdir, realpath } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { promisify } from 'node:util'

const execute = promisify(execFile)
const answerTimeoutMs = 5000

/** Makes the folder if it is missing and returns its real path. Throws if it does not answer or cannot be written. */
export async function prepareFolder(dataDir: string): Promise<string> {
  await requireAnswer(dataDir)
  try {
    await makeFolder(resolve(dataDir))
    // The dot makes this fail for a file.
    await access(`${dataDir}/.`, constants.W_OK)
    return await realpath(dataDir)
  } catch (cause) {
    throw new Error(`DATA_DIR must be a folder that can be written, and ${dataDir} is not:`, { cause })
  }
}

/** In /proc, which refuses new folders with ENOENT, the recursive `mkdir` of Node never ends. */
async function makeFolder(folder: string): Promise<void> {
  if (existsSync(folder)) return
  await makeFolder(dirname(folder))
  await mkdir(folder).catch((error: NodeJS.ErrnoException) => {
    // Another process may have made it since.
    if (error.code !== 'EEXIST') throw error
  })
}

/**
 * On a network drive whose server is gone, a call for a file does not return, and a process with such a call does not end.
 * So another process tries the folder first, which can be killed.
 */
async function requireAnswer(dataDir: string): Promise<void> {
  const look = ['-e', 'fs.existsSync(process.argv[1])', resolve(dataDir)]
  const limits = { timeout: answerTimeoutMs, killSignal: 'SIGKILL' } as const
  await execute(process.execPath, look, limits).catch((error: Error & { readonly killed?: boolean }) => {
    if (error.killed !== true) throw error
    throw new Error(
      `DATA_DIR: ${dataDir} does not answer within ${answerTimeoutMs / 1000} s. Is it on a drive that is not connected?`,
    )
  })
}
