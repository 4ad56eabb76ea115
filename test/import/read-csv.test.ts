import { Readable } from 'node:stream'
import t from 'tap'
import { openCsv } from '../../src/import/read-csv.ts'

async function read(text: string, size = 1000) {
  async function* chunks() {
    for (let at = 0; at < text.length; at += size) yield Buffer.from(text.slice(at, at + size))
  }
  const { columns, records } = await openCsv(chunks(), ',')
  return { columns, records: await Readable.from(records).toArray() }
}

t.test('a record has the lines of its file, with CRLF in quotes and blank lines', async (t) => {
  const text = 'id,note\r\na,"one\r\ntwo\r\nthree"\r\n\r\nb,"x\ny"\r\nc,z'

  for (const size of [1, 2, 7, 1000])
    t.match((await read(text, size)).records, [
      { line: 2, last: 4, values: { id: 'a', note: 'one\r\ntwo\r\nthree' } },
      { line: 6, last: 7, values: { id: 'b', note: 'x\ny' } },
      { line: 8, last: 8, values: { id: 'c', note: 'z' } },
    ])
})

t.test('a broken record has its lines, between those of its neighbours', async (t) => {
  const { records } = await read('id,note\r\na,"x\r\ny"\r\nb"c,d\r\ne\r\nf,g\r\n"h,i\r\n')

  t.match(records, [
    { line: 2, last: 3, values: { id: 'a' } },
    { line: 4, last: 4, fault: /A quote stands in a cell/ },
    { line: 5, last: 5, fault: 'The record has 1 cells under 2 columns.' },
    { line: 6, last: 6, values: { id: 'f' } },
    { line: 7, last: Infinity, fault: 'A quote is not closed.' },
  ])
})

t.test('broken records in a row have lines of their own', async (t) => {
  const { records } = await read(
    'id,note\r\na,"x\r\ny"\r\nb"c,d\r\n"e,"g"\r\ni,j\r\nk"l,m\r\n"n,o\r\np,q\r\n',
  )

  t.match(
    records.map(({ line, last }: { line: number; last: number }) => [line, last]),
    [
      [2, 3],
      [4, 4],
      [5, 5],
      [6, 6],
      [7, 7],
      [8, Infinity],
    ],
  )
})

t.test('a broken header is named', async (t) => {
  await t.rejects(read('id,a"b\nx,y\n'), { message: /its header is broken/ })
  await t.rejects(read(''), { message: 'it has no header.' })
})
