/** Style sheets are imported for their effect: esbuild collects them into the bundle's .css file. */
declare module '*.css';
