import { MalformedRequest } from '../errors.ts'
import { skipNumber } from './json-numbers.ts'

const maxDepth = 24
const longString = 1024
const searched = 4096
const [proto, constructor, prototype] = ['__proto__', 'constructor', 'prototype'].map((name) =>
  Buffer.from(name),
) as [Buffer, Buffer, Buffer]

/**
 * Refuses, in one pass over its bytes, a JSON text that cannot be stored unchanged. The bytes must be valid UTF-8; JSON.parse
 * checks the grammar. Errors: 400. Bytes are written as literals: V8 reads a constant of the module again at each comparison,
 * which halves the speed.
 */
export function refuseUnstorable(bytes: Buffer): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const end = bytes.length
  const lastWord = end - 4
  let depth = 0
  // The bit of a level is set if the object at that level is the value of a member named `constructor`.
  let constructors = 0
  let at = 0
  while (at < end) {
    const byte = bytes[at++] as number
    if (byte === 0x22 /* " */) {
      const start = at
      at = skipString(bytes, view, at)
      if (at - start > 9 && mayReachPrototype(bytes[start] as number)) {
        const isConstructor = ((constructors >> depth) & 1) === 1
        if (checkName(bytes, start, isConstructor)) constructors |= 1 << (depth + 1)
      }
    } else if (byte <= 0x39 /* 9 */) {
      if (byte >= 0x30 /* 0 */ || byte === 0x2d /* - */) {
        at = skipNumber(bytes, at - 1, end)
      } else {
        // Half of an indented text is spaces.
        while (at < lastWord && view.getInt32(at, true) === 0x20202020) at += 4
      }
    } else if ((byte | 0x20) === 0x7b /* [ or { */) {
      depth += 1
      if (depth > maxDepth) refuse(`is nested more than ${maxDepth} levels deep`)
    } else if ((byte | 0x20) === 0x7d /* ] or } */) {
      constructors &= ~(1 << depth)
      depth -= 1
    } else if (byte >= 0x61 /* a */ && byte < 0x80) {
      // The rest of null or true, or of false.
      at += byte === 0x66 /* f */ ? 4 : 3
    }
  }
}

function refuse(fault: string): never {
  throw new MalformedRequest(`The body ${fault}.`)
}

/** Returns the position after a string. It reads eight bytes at a time; one at a time would be as slow as JSON.parse. */
function skipString(bytes: Buffer, view: DataView, start: number): number {
  const end = bytes.length
  const lastWords = end - 8
  let at = start
  while (at < end) {
    let long = at + longString
    while (at < lastWords && !holdsEnd(view.getInt32(at, true), view.getInt32(at + 4, true))) {
      at += 8
      if (at > long) {
        at = skipPlain(bytes, at)
        long = at + searched
      }
    }
    let byte = bytes[at]
    while (at < end && byte !== 0x22 /* " */ && byte !== 0x5c /* \ */) byte = bytes[++at]
    if (byte !== 0x5c) return at + 1
    do at = bytes[at + 1] === 0x75 /* u */ ? skipUnicode(bytes, view, at) : at + 2
    while (at < end && bytes[at] === 0x5c)
  }
  return at
}

/**
 * Whether one of eight bytes is a quote or a backslash: after xor such a byte is zero, and subtracting 1 from zero sets the
 * highest bit.
 */
function holdsEnd(word: number, next: number): boolean {
  const zeros = ((word ^ 0x22222222) - 0x01010101) | ((word ^ 0x5c5c5c5c) - 0x01010101)
  const more = ((next ^ 0x22222222) - 0x01010101) | ((next ^ 0x5c5c5c5c) - 0x01010101)
  return (((zeros & ~word) | (more & ~next)) & 0x80808080) !== 0
}

// For long strings: the search by Node is faster, but starting it takes as long as scanning a short string.
function skipPlain(bytes: Buffer, start: number): number {
  let at = start
  for (;;) {
    const some = bytes.subarray(at, at + searched)
    if (some.length < searched || some.includes(0x22) || some.includes(0x5c)) return at
    at += searched
  }
}

/** Returns the position after a `\u` escape, or after a surrogate pair of two. JSON.parse refuses digits that are not hex. */
function skipUnicode(bytes: Buffer, view: DataView, at: number): number {
  if (at + 6 > bytes.length) return bytes.length
  const digits = view.getInt32(at + 2)
  if (digits === 0x30303030 /* 0000 */) refuse('contains a NUL character')
  if (((digits >> 24) & 0xdf) !== 0x44 /* D */) return at + 6
  const unit = readUnit(bytes, at)
  if (unit < 0xd800 || unit > 0xdfff) return at + 6
  const isPair = unit < 0xdc00 && bytes[at + 6] === 0x5c /* \ */ && bytes[at + 7] === 0x75 /* u */
  const low = isPair ? readUnit(bytes, at + 6) : 0
  if (low < 0xdc00 || low > 0xdfff) refuse('contains half a surrogate pair')
  return at + 12
}

/** The UTF-16 unit of `\uXXXX`. If XXXX is not hex, any number, because JSON.parse refuses it. */
function readUnit(bytes: Buffer, at: number): number {
  let unit = 0
  for (let index = at + 2; index < at + 6; index += 1) {
    const byte = index < bytes.length ? (bytes[index] as number) : 0
    unit = unit * 16 + (byte <= 0x39 /* 9 */ ? byte - 0x30 : (byte | 0x20) - 0x57)
  }
  return unit
}

/** A quick check of the first byte of a name, which excludes most names. */
function mayReachPrototype(first: number): boolean {
  return first === 0x5f /* _ */ || first === 0x63 /* c */ || first === 0x70 /* p */ || first === 0x5c /* \ */
}

/**
 * Refuses names that could reach a prototype. Returns whether the name is `constructor` and its value an object. With
 * `isConstructor`, the object that has the name is itself the value of a `constructor`.
 */
function checkName(bytes: Buffer, start: number, isConstructor: boolean): boolean {
  if (findValue(bytes, start, proto) > 0) refuse('has a member named __proto__')
  if (isConstructor && findValue(bytes, start, prototype) > 0)
    refuse('has a member named constructor.prototype')
  const value = findValue(bytes, start, constructor)
  return value > 0 && bytes[value] === 0x7b /* { */
}

/** The position of the value of the member whose name begins at `start`; 0 if it is not `name`, escaped or not. */
function findValue(bytes: Buffer, start: number, name: Buffer): number {
  let at = start
  for (let index = 0; index < name.length; index += 1) {
    const isEscaped = bytes[at] === 0x5c /* \ */ && bytes[at + 1] === 0x75 /* u */
    if ((isEscaped ? readUnit(bytes, at) : bytes[at]) !== name[index]) return 0
    at += isEscaped ? 6 : 1
  }
  if (bytes[at] !== 0x22 /* " */) return 0
  const after = skipBlanks(bytes, at + 1)
  return bytes[after] === 0x3a /* : */ ? skipBlanks(bytes, after + 1) : 0
}

function skipBlanks(bytes: Buffer, start: number): number {
  let at = start
  while (at < bytes.length && (bytes[at] as number) <= 0x20) at += 1
  return at
}
