export const serviceName = 'Partner Attribution API'

// A circle in three shares.
export const logo = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">
<circle cx="16" cy="16" r="15" fill="#0f766e"/>
<path d="M16 16V1a15 15 0 0 1 12.99 22.5z" fill="#f59e0b"/>
<path d="M16 16l12.99 7.5A15 15 0 0 1 16 31z" fill="#5eead4"/>
</svg>
`

export const pageStyle = `body { margin: 0 }
header { display: flex; align-items: center; gap: 12px; padding: 12px 20px; background: #134e4a; color: #fff }
header img { width: 32px; height: 32px; display: block }
header strong { font: 600 20px sans-serif; margin-right: auto }
header a { color: #fff; font: 15px sans-serif }
.errors { max-width: 760px; margin: 0 auto; padding: 8px 20px 40px; color: #1f2937; font: 16px/1.5 sans-serif }
.errors h2 { margin: 32px 0 8px; font-size: 19px }
.errors section { padding: 0 12px; border-left: 3px solid transparent }
.errors section:target { border-color: #f59e0b }
.errors h2 a { color: inherit; text-decoration: none }
.errors code { font-size: 14px; color: #134e4a }
.errors dt { font-weight: 600 }
.errors dd { margin: 0 0 8px }
`

interface Page {
  readonly title: string
  /** The address of /docs/ relative to the page. Addresses are relative, so that pages work behind a path prefix. */
  readonly folder: 'docs/' | './'
  /** The addresses of these files are relative to /docs/. */
  readonly icon: string
  readonly styles: readonly string[]
  readonly body: string
}

/** A page of the documentation, with our title and logo. */
export function renderPage({ title, folder, icon, styles, body }: Page): string {
  const links = styles.map((style) => `<link rel="stylesheet" href="${folder}${style}">`)
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${title}</title>
${links.join('\n')}
<link rel="icon" type="image/svg+xml" href="${folder}${icon}">
</head>
<body>
<header>
<a href="${folder}../docs"><img src="${folder}${icon}" alt="Documentation"></a>
<strong>${serviceName}</strong>
<a href="${folder}errors">Errors</a>
<a href="${folder}json">JSON</a>
<a href="${folder}yaml">YAML</a>
</header>
${body}
</body>
</html>
`
}
