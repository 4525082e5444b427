/** The addresses a panel's page loads, as the webview sees them, and the policy's source for them. */
export interface PanelAssets {
  readonly script: string;
  readonly style: string;
  readonly cspSource: string;
  readonly nonce: string;
  readonly language: string;
  /** The page's one element, which the script brings to life. */
  readonly element: string;
}

/** The page of a panel. It can load its own files and nothing else: no network, no inline script, no frame, no form. */
export function panelHtml(assets: PanelAssets): string {
  const { cspSource, nonce } = assets;
  const policy = [
    `default-src 'none'`,
    `script-src 'nonce-${nonce}' ${cspSource}`,
    `style-src ${cspSource} 'unsafe-inline'`,
    `font-src ${cspSource}`,
    `img-src ${cspSource} data:`,
    `base-uri 'none'`,
    `form-action 'none'`,
  ].join('; ');
  return `<!doctype html>
<html lang="${attribute(assets.language)}">
  <head>
    <meta charset="utf-8" />
    <meta http-equiv="Content-Security-Policy" content="${attribute(policy)}" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <link rel="stylesheet" href="${attribute(assets.style)}" />
    <title>Claude Nexus</title>
  </head>
  <body>
    <${assets.element}></${assets.element}>
    <script type="module" nonce="${attribute(nonce)}" src="${attribute(assets.script)}"></script>
  </body>
</html>
`;
}

function attribute(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;');
}
