/**
 * What rows take beside their content: headers, keys and index entries, in bytes. Measured on PGlite after a vacuum, as
 * the size of the tables and their indexes with 1,000 turns of one conversation, per row and without the bytes of blocks and runs.
 */
export const NODE_BYTES = 240;
export const BLOCK_BYTES = 150;
export const EXCHANGE_BYTES = 1600;
