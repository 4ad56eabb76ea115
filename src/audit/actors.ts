import type { Actor } from './schemas.ts'

/** The operator, who may grant any scope. */
export const commandLine: Actor = { actor: 'command_line', key_id: null, request_id: null }

export const service: Actor = { actor: 'service', key_id: null, request_id: null }

/** The API key that sent a request. */
export function actorOf(request: { readonly id: string; readonly caller: { readonly id: string } }): Actor {
  return { actor: 'api_key', key_id: request.caller.id, request_id: request.id }
}
