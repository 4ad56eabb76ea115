import { readFile } from 'node:fs/promises'

/** The commands of each client in docs/integrate.md, as a shell script, by the heading above them. */
export async function readClientCommands(): Promise<ReadonlyMap<string, string>> {
  const guide = await readFile(new URL('../../docs/integrate.md', import.meta.url), 'utf8')
  const chapter = guide.split(/^## /m).find((text) => text.startsWith('Clients in other languages')) ?? ''
  const sections = chapter.split(/^### /m).slice(1)
  return new Map(
    sections.map((section) => {
      const [heading = ''] = section.split('\n', 1)
      const blocks = [...section.matchAll(/^```sh\n(.*?)^```$/gms)]
      return [heading, blocks.map(([, commands]) => commands).join('')]
    }),
  )
}
