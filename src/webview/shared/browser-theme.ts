import './browser-theme.css';

/** Gives a browser tab VS Code's dark or light colours, as the system asks, and follows it when it changes. */
export function followColourScheme(page: Window): void {
  const light = page.matchMedia('(prefers-color-scheme: light)');
  const apply = (): void => {
    const { documentElement, body } = page.document;
    documentElement.classList.add('nexus-browser');
    documentElement.classList.toggle('nexus-light', light.matches);
    body.classList.toggle('vscode-light', light.matches);
    body.classList.toggle('vscode-dark', !light.matches);
  };
  light.addEventListener('change', apply);
  apply();
}
