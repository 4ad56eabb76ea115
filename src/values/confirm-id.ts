import { invalid } from '../errors.ts'

/** Errors: 400 if a body has another id than its path. */
export function confirmId(id: string, body: { readonly id?: string }): void {
  if (body.id === undefined || body.id === id) return
  throw invalid([{ pointer: '/id', detail: 'The id must be that of the path, or be left out.' }])
}
