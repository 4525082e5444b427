import mermaid from 'mermaid';

let themed = '';
let serial = 0;

/** VS Code's colours for the diagrams; taken again when the theme changes. */
function configure(): void {
  const style = getComputedStyle(document.body);
  const colour = (name: string, other: string): string => style.getPropertyValue(name).trim() || other;
  const dark = document.body.matches('.vscode-dark, .vscode-high-contrast:not(.vscode-high-contrast-light)');
  const background = colour('--vscode-editor-background', dark ? '#1f1f1f' : '#ffffff');
  const key = `${String(dark)}${background}`;
  if (key === themed) return;
  themed = key;
  mermaid.initialize({
    startOnLoad: false,
    securityLevel: 'strict',
    theme: 'base',
    look: 'classic',
    htmlLabels: false,
    fontFamily: colour('--vscode-font-family', 'sans-serif'),
    themeVariables: {
      darkMode: dark,
      background,
      primaryColor: colour('--vscode-textCodeBlock-background', background),
      primaryTextColor: colour('--vscode-foreground', dark ? '#cccccc' : '#333333'),
      primaryBorderColor: colour('--vscode-charts-blue', '#3794ff'),
      lineColor: colour('--vscode-descriptionForeground', '#888888'),
      fontSize: '13px',
    },
  });
}

/**
 * Draws mermaid sources below an element in their place. Each picture is an image of its own (`data:`), so neither its
 * styles nor anything in it reaches the page; a source that is no diagram stays as text.
 */
export async function drawDiagrams(root: Element): Promise<void> {
  configure();
  for (const source of root.querySelectorAll('.mermaid-source')) {
    source.classList.remove('mermaid-source');
    const text = source.textContent;
    try {
      const { svg } = await mermaid.render(`nexus-diagram-${++serial}`, text);
      const image = document.createElement('img');
      image.className = 'diagram';
      image.alt = `Diagram: ${text.slice(0, 120)}`;
      // Without a size of its own the picture would fill the column, whatever it shows.
      const [, width, height] = /viewBox="[\d.-]+ [\d.-]+ ([\d.]+) ([\d.]+)"/.exec(svg) ?? [];
      if (width !== undefined && height !== undefined) {
        image.width = Math.ceil(Number(width));
        image.height = Math.ceil(Number(height));
      }
      image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;
      source.replaceWith(image);
    } catch (error) {
      source.setAttribute(
        'title',
        `Not a diagram: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
  }
}
