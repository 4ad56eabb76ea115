import { Readable } from 'node:stream'
import t from 'tap'
import { encodingOfMark, guessEncoding, toUtf8 } from '../../src/import/encodings.ts'

async function* chunksOf(bytes: Buffer, size: number) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

async function textOf(source: AsyncIterable<Buffer>): Promise<string> {
  return Buffer.concat(await Readable.from(source).toArray()).toString()
}

t.test('an encoding is found by its mark or by the lines that are not valid UTF-8', async (t) => {
  const utf8 = Buffer.from('Müller\nSöhne\n')
  const damaged = Buffer.concat([utf8, Buffer.from([0xe9])])

  t.equal(encodingOfMark(Buffer.from([0xff, 0xfe, 0x41, 0])), 'utf-16le')
  t.equal(encodingOfMark(Buffer.from([0xfe, 0xff, 0, 0x41])), 'utf-16be')
  t.equal(encodingOfMark(Buffer.from('\ufeffid')), 'utf-8')
  t.equal(encodingOfMark(utf8), undefined)
  t.equal(await guessEncoding(chunksOf(utf8, 1)), 'utf-8')
  t.equal(await guessEncoding(chunksOf(damaged, 5)), 'utf-8')
  t.equal(await guessEncoding(chunksOf(Buffer.from('Müller\n', 'latin1'), 3)), 'windows-1252')
})

t.test('each encoding becomes UTF-8 without a mark, however it is cut', async (t) => {
  const text = 'Å 小 😀\n'
  const little = Buffer.from(`\ufeff${text}`, 'utf16le')

  for (const size of [1, 2, 3, 100]) {
    t.equal(await textOf(toUtf8(chunksOf(little, size), 'utf-16le')), text)
    t.equal(await textOf(toUtf8(chunksOf(Buffer.from(little).swap16(), size), 'utf-16be')), text)
    t.equal(await textOf(toUtf8(chunksOf(Buffer.from([0x80, 0x92, 0xe9]), size), 'windows-1252')), '€’é')
  }
  t.equal(await textOf(toUtf8(chunksOf(Buffer.from(`\ufeff${text}`), 100), 'utf-8')), text)
})
