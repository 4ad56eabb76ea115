import { STATUS_CODES } from 'node:http'
import { catalogue, type ErrorEntry } from '../errors.ts'

export const errorsIntroduction =
  'Every failure is a problem (`application/problem+json`, RFC 9457). Its `type` leads to an entry of this page. Programs read its `code`, which never changes its meaning. `detail` and `errors` are for people.'

/** The title of a problem with this error: that of its status. */
export function titleOf({ status }: ErrorEntry): string {
  return `${status} ${STATUS_CODES[status]}`
}

/** The catalogue of errors in HTML, with the code of each error as its anchor. */
export function renderErrors(): string {
  return `<main class="errors">
<h1>Errors</h1>
<p>${toHtml(errorsIntroduction)}</p>
${catalogue.map(renderEntry).join('\n')}
</main>`
}

function renderEntry(entry: ErrorEntry): string {
  const { code, when, remedy } = entry
  return `<section id="${code}">
<h2><a href="#${code}"><code>${code}</code></a></h2>
<p>${titleOf(entry)}</p>
<dl>
<dt>When it happens</dt><dd>${toHtml(when)}</dd>
<dt>What to do</dt><dd>${toHtml(remedy)}</dd>
</dl>
</section>`
}

/** A line of Markdown whose only markup is code in backticks. */
function toHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replace(/`([^`]+)`/g, '<code>$1</code>')
}
