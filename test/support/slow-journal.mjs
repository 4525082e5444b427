// Loaded into a sidecar before its program (`--import`): while the file named by NEXUS_TEST_SLOW_DISK is there, writing a
// journal file takes 60 ms at once, or, in the background, until it is gone.
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { isMainThread } from 'node:worker_threads';

const slow = process.env['NEXUS_TEST_SLOW_DISK'] ?? '';
const journals = new Set();
const { openSync, closeSync, writeSync, write } = fs;

if (isMainThread) {
  fs.openSync = (path, ...rest) => {
    const fd = openSync(path, ...rest);
    if (String(path).endsWith('.nxj')) journals.add(fd);
    return fd;
  };
  fs.closeSync = (fd) => {
    journals.delete(fd);
    closeSync(fd);
  };
  fs.writeSync = (fd, ...rest) => {
    if (journals.has(fd) && fs.existsSync(slow))
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60);
    return writeSync(fd, ...rest);
  };
  fs.write = (fd, ...rest) => {
    const go = () => {
      if (journals.has(fd) && fs.existsSync(slow)) setTimeout(go, 5);
      else write(fd, ...rest);
    };
    go();
  };
  syncBuiltinESMExports();
}
