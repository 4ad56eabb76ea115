import t from 'tap'
import { maskDetails, refuseMasked } from '../../src/partners/payout-details.ts'

t.test('maskDetails shows the last four characters of a value, but at most a third of it', async (t) => {
  const masked = maskDetails({
    bank_account: 'DE89370400440532013000',
    tax_id: '1234567890',
    pin: '123456',
    letter: 'ab',
    name: 'Zoë 😀😀😀😀😀😀😀😀',
  })

  t.strictSame(masked, {
    bank_account: '******3000',
    tax_id: '******890',
    pin: '******56',
    letter: '******',
    name: '******😀😀😀😀',
  })
})

t.test('refuseMasked names the fields with masked values without repeating the values', async (t) => {
  const masked = maskDetails({ bank_account: 'DE89370400440532013000', tax_id: '1234567890' })

  t.throws(() => refuseMasked({ ...masked, iban: 'DE02120300000000202051' }), {
    code: 'INVALID_REQUEST',
    faults: [
      { pointer: '/payout_details/bank_account', detail: 'This is the masked value; send the real one.' },
      { pointer: '/payout_details/tax_id', detail: 'This is the masked value; send the real one.' },
    ],
  })
})
