import { access, mkdir } from 'node:fs/promises'
import { chromium, type Browser, type Page } from 'playwright-core'
import t, { type Test } from 'tap'
import examples from '../../src/openapi/examples.json' with { type: 'json' }
import type { Examples } from '../../src/openapi/contract.ts'
import { createFreshService } from '../support/examples.ts'
import { createProxy } from '../support/proxy.ts'

const shown: Examples = examples
const executablePath = process.env['CHROMIUM'] ?? '/usr/bin/chromium'
const hasChromium = await access(executablePath).then(
  () => true,
  () => false,
)
const skip = hasChromium ? false : `there is no Chromium at ${executablePath}; set CHROMIUM`
const screenshots = 'test-output/browser'

t.test('a user splits a deal in Swagger UI', { skip }, async (t) => {
  const { page, key, complaints } = await openDocs(t)

  await authorize(page, key)
  for (const operation of ['createPartner', 'trackEvent', 'closeDeal']) {
    t.equal(await tryOut(page, operation), 201, operation)
  }
  t.equal(await tryOut(page, 'getAttribution'), 200)

  const answer = operationOf(page, 'getAttribution').locator('.live-responses-table')
  await answer.scrollIntoViewIfNeeded()
  await page.screenshot({ path: `${screenshots}/attribution.png` })
  t.match(await answer.innerText(), /"partner_name": "Alice"[^]*"payout": 50000/)
  t.strictSame(complaints, [], 'the page breaks no policy and throws nothing')
})

t.test('every operation answers its prefilled example with a 2xx', { skip }, async (t) => {
  const { page, key, complaints } = await openDocs(t)
  await authorize(page, key)
  let keyId = ''

  for (const [operation, { status, params }] of Object.entries(shown)) {
    // The service generates the id of a key, so copy it from the answer.
    const typed = params !== undefined && 'keyId' in params ? { keyId } : {}
    t.equal(await tryOut(page, operation, typed), status, operation)
    if (operation === 'createApiKey') keyId = await readKeyId(page)
    await close(page, operation)
  }
  t.strictSame(complaints, [], 'the page breaks no policy and throws nothing')
})

t.test('the import stores the lines that it is prefilled with', { skip }, async (t) => {
  const { page, key, complaints } = await openDocs(t)

  await authorize(page, key)
  await tryOut(page, 'createPartner')
  t.equal(await tryOut(page, 'importEvents'), 200)

  const block = operationOf(page, 'importEvents')
  t.match(
    await block.locator('textarea.body-param__text').inputValue(),
    /^\{"id":"event-4",.*\}\n\{"id":"event-5",.*\}\n$/,
  )
  t.match(await block.locator('.live-responses-table').innerText(), /"accepted": 2[^]*"refused": 0/)
  t.strictSame(complaints, [])
})

t.test(
  'the answers that a page shows are recorded ones, and its refusals have their status',
  { skip },
  async (t) => {
    const { page, complaints } = await openDocs(t)

    const block = operationOf(page, 'closeDeal')
    await block.locator('.opblock-summary-control').click()
    const shownAs = (status: number) =>
      block.locator(`.responses-table .response[data-code="${status}"] pre.example`).innerText()

    t.match(await shownAs(201), /"id": "deal-123"[^]*"currency": "USD"/)
    t.match(await shownAs(200), /"cached": true/)
    for (const [status, code] of [
      [400, 'invalid_request'],
      [403, 'forbidden'],
      [429, 'rate_limited'],
    ] as const)
      t.match(await shownAs(status), new RegExp(`"status": ${status},\\s+"code": "${code}"`))
    await page.screenshot({ path: `${screenshots}/answers.png` })
    t.strictSame(complaints, [])
  },
)

t.test('the page works behind a path prefix that a proxy strips', { skip }, async (t) => {
  const { page, key, complaints } = await openDocs(t, createProxy)

  await page.screenshot({ path: `${screenshots}/head.png` })
  await authorize(page, key)
  t.equal(await tryOut(page, 'createPartner'), 201)
  t.match(await operationOf(page, 'createPartner').locator('.request-url').innerText(), '/api/partners')
  t.ok(await page.locator('header img').evaluate((image: { naturalWidth: number }) => image.naturalWidth > 0))
  t.equal(await page.title(), 'Partner Attribution API')
  t.strictSame(complaints, [])
})

async function openDocs(t: Test, front = async (_t: Test, url: string) => url) {
  const service = await createFreshService(t)
  const { key } = service
  const url = await front(t, service.url)
  const browser = await launch()
  t.teardown(() => browser.close())
  const page = await browser.newPage({ viewport: { width: 1280, height: 1000 } })
  page.setDefaultTimeout(120_000)
  const complaints: string[] = []
  page.on('console', (message) => {
    if (/Content Security Policy|Refused to/.test(message.text())) complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(error.message))
  await mkdir(screenshots, { recursive: true })
  await page.goto(`${url.replace('127.0.0.1', 'docs.test')}/docs`)
  await page.locator('.opblock').first().waitFor()
  return { page, key, complaints }
}

function launch(): Promise<Browser> {
  return chromium.launch({
    executablePath,
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      // A host name other than localhost, so that the page cannot rely on exceptions for loopback.
      '--host-resolver-rules=MAP docs.test 127.0.0.1',
    ],
  })
}

async function authorize(page: Page, key: string): Promise<void> {
  await page.locator('.auth-wrapper .authorize').click()
  const dialog = page.locator('.modal-ux')
  await dialog.locator('input').fill(key)
  await dialog.getByRole('button', { name: 'Apply credentials' }).click()
  await dialog.locator('.btn-done').click()
}

/** Opens an operation, sends its prefilled request and reads the status of the answer. */
async function tryOut(
  page: Page,
  operation: string,
  typed: Readonly<Record<string, string>> = {},
): Promise<number> {
  const block = operationOf(page, operation)
  await block.locator('.opblock-summary-control').click()
  await block.getByRole('button', { name: 'Try it out' }).click()
  for (const [name, value] of Object.entries(typed)) {
    await block.locator(`tr[data-param-name="${name}"] input`).fill(value)
  }
  await block.locator('.execute').click()
  const status = block.locator('.live-responses-table .response .response-col_status')
  return Number.parseInt(await status.innerText(), 10)
}

// Many open answers make the page slow.
async function close(page: Page, operation: string): Promise<void> {
  await operationOf(page, operation).locator('.opblock-summary-control').click()
}

function operationOf(page: Page, operation: string) {
  return page.locator(`.opblock[id$="-${operation}"]`)
}

async function readKeyId(page: Page): Promise<string> {
  const answer = await operationOf(page, 'createApiKey').locator('.live-responses-table').innerText()
  return /"id": "(key_[^"]+)"/.exec(answer)?.[1] ?? ''
}
