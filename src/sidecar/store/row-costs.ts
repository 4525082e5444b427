/**
 * What rows take beside their content: headers, keys and index entries, in bytes. Measured on PGlite after a vacuum, as
 * the size of the tables and their indexes with 1,000 turns of one conversation, per row and without the bytes of blocks.
 */
export const NODE_BYTES = 380;
export const BLOCK_BYTES = 200;
export const EXCHANGE_BYTES = 2200;
