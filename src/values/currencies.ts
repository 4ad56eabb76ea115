/** In use: ISO 4217 list one of 2026-01-01 (amendment 180), by decimals. It includes the funds codes, such as CLF. */
const active = {
  0: 'BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF',
  2: `AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW CNY
    COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS
    INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR
    MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP
    STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XAD XCD XCG YER ZAR ZMW ZWG`,
  3: 'BHD IQD JOD KWD LYD OMR TND',
  4: 'CLF UYW',
}

/**
 * Withdrawn: ISO 4217 list three of 2026-01-01. That list has no decimals, so these are from the last list one with the code,
 * as the JDK keeps them. Codes withdrawn before that record begins have those of the same unit (BEC as BEF), else 2.
 */
const withdrawn = {
  0: 'ADP BEC BEF BEL BYB BYR ESA ESB ESP GRD ITL LUC LUF LUL MGF PTE ROL TPE TRL',
  2: `AFA ALK ANG AOK AON AOR ARA ARP ARY ATS AYM AZM BAD BGJ BGK BGL BGN BOP BRB BRC BRE BRN BRR BUK CHC CSD CSJ CSK
    CUC CYP DDM DEM ECS ECV EEK FIM FRF GEK GHC GHP GNE GNS GQE GWE GWP HRD HRK IEP ILP ILR ISJ LAJ LSM LTL LTT LVL
    LVR MLF MRO MTL MTP MVQ MXP MZE MZM NIC NLG PEH PEI PES PLZ RHD ROK RUR SDD SDP SIT SKK SLL SRG STD SUR TJR TMM
    UAK UGS UGW USS UYN UYP VEB VEF VNC XEU YDD YUD YUM YUN ZAL ZMK ZRN ZRZ ZWC ZWD ZWL ZWN ZWR`,
}

/** Metals, bond units and units of account, for which ISO has no decimals. Version 0.1 took them as whole units. */
const units = { 0: 'XAG XAU XBA XBB XBC XBD XDR XPD XPT XSU XUA' }

/** No money. Version 0.1 took them as whole units, so deals that have them can be read; requests with them are refused. */
const readOnly = { 0: 'XTS XXX' }

/**
 * The decimals of each currency of ISO 4217. Stored money is read with them, so a code is never removed and its decimals never
 * change. Not here: XFO, XFU and XRE, which are withdrawn and have no decimals.
 */
export const decimals: ReadonlyMap<string, number> = new Map(
  [active, withdrawn, units, readOnly].flatMap(listCodes),
)

const refused = new Set(listCodes(readOnly).map(([code]) => code))

/** Whether a request may have this code. */
export function isCurrency(code: string): boolean {
  return decimals.has(code) && !refused.has(code)
}

function listCodes(group: Readonly<Record<number, string>>): readonly (readonly [string, number])[] {
  return Object.entries(group).flatMap(([digits, codes]) =>
    codes.split(/\s+/).map((code) => [code, Number(digits)] as const),
  )
}
