#!/usr/bin/env bash
# Installs what the end-to-end tests drive: code-server (the real VS Code workbench, from npm), a Node for it and
# Chromium. Idempotent; half a second when everything is there. Into VSCODE_HARNESS_HOME (~/.cache/vscode-harness).
set -euo pipefail
code_server=4.139.1
node=24.21.0
home=${VSCODE_HARNESS_HOME:-$HOME/.cache/vscode-harness}
here=$(cd "$(dirname "$0")" && pwd)
started=$SECONDS
say() { echo "[$((SECONDS - started)) s] $*"; }

case $(uname -m) in
  x86_64) arch=x64 ;;
  aarch64) arch=arm64 ;;
  *) echo "There is no Node package for $(uname -m), so the end-to-end tests cannot run here." >&2; exit 1 ;;
esac
stamp="code-server $code_server node $node full 0 $arch"

mkdir -p "$home"
exec 9>"$home/.lock"
flock 9 # two set-ups at once wait for one another

"$here/packages.sh" chromium fonts-dejavu-core fonts-noto-color-emoji python3 make g++ procps ca-certificates

quiet() { # runs a command, shows what it said only when it fails
  "$@" >"$home/build.log" 2>&1 || { tail -40 "$home/build.log" >&2; exit 1; }
}

if [ "$(cat "$home/.stamp" 2>/dev/null)" != "$stamp" ]; then
  rm -rf "$home/.stamp" "$home/tmp" "$home/node" "$home/node-pkg" "$home/code-server"
  mkdir -p "$home/tmp" "$home/node-pkg"
  unset npm_config_user_agent NODE_OPTIONS || true
  export npm_config_audit=false npm_config_fund=false npm_config_loglevel=error npm_config_update_notifier=false

  say "Node $node"
  cd "$home/node-pkg"
  echo '{"private":true}' >package.json
  quiet npm install --ignore-scripts "node-linux-$arch@$node"
  ln -s "node-pkg/node_modules/node-linux-$arch" "$home/node"

  say "code-server $code_server"
  cd "$home/tmp"
  quiet npm pack "code-server@$code_server"
  tar xzf "code-server-$code_server.tgz"
  mv package "$home/code-server"

  say "its dependencies"
  export PATH="$home/node/bin:$PATH" npm_config_nodedir="$home/node"
  cd "$home/code-server"
  quiet npm install --omit=dev --ignore-scripts
  cd lib/vscode # its lock file is out of step with its package.json: npm ci refuses it, npm install takes it
  quiet npm install --omit=dev --ignore-scripts
  say "native modules" # only the two that are in use here; the others need system libraries
  quiet npm rebuild --foreground-scripts @vscode/spdlog @vscode/native-watchdog
  (cd bin/remote-cli && ln -sf code-linux.sh code-server)
  (cd bin/helpers && ln -sf browser-linux.sh browser.sh)
  cd extensions
  quiet npm install --omit=dev
  rm -rf "$home/tmp"
  echo "$stamp" >"$home/.stamp"
fi
say "workbench ready: code-server $code_server, $(chromium --version 2>/dev/null || echo 'Chromium missing')"
