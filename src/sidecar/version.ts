declare const NEXUS_VERSION: string | undefined;

/** The package's version, put in by the build; sources run directly say so. */
export const version: string = typeof NEXUS_VERSION === 'string' ? NEXUS_VERSION : '0.0.0-source';
