#!/usr/bin/env bash
# Checks the source tree against the rules of server/README.md: who may include whom, which library stays where, no
# locks or threads in rooms, no left-overs, no overlong files.
#
#   layering_test.sh             checks the tree this script is in
#   layering_test.sh --self-test checks that each rule finds a file that breaks it
set -euo pipefail

# Folder of the including file | what its includes from this repository must match.
generated='atrium/v1/[a-z_]+\.pb\.h|google/(api|rpc)/[a-z_]+\.pb\.h'
shards='server/live/shards/((io_)?shard|socket(_poller)?)\.h'
layers=(
  "server/common/    | server/common/"
  "server/engine/    | server/(engine|common)/"
  "server/wire/      | server/(wire|common)/|$generated"
  "server/access/    | server/(access|wire|common)/"
  "server/live/shards/    | server/(live/shards|common)/"
  "server/live/authoring/ | server/(live/(authoring|shards)|wire|common)/|$generated"
  "server/live/rooms/     | server/(live/(rooms|authoring|shards)|wire|common)/|server/engine/room_log\.h|$generated"
  "server/live/manager/   | server/(live|wire|common)/|server/engine/room_log\.h|$generated"
  "server/net/       | server/(net|common)/|$shards"
  "server/api/       | server/(api|access|live|wire|common)/|$generated"
  "server/session/   | server/(session|api|access|live|wire|common)/|$generated"
  "server/grpc/      | server/(grpc|net|session|api|access|wire|common)/|server/metrics/grpc_metrics\.h|$shards|$generated|atrium/v1/[a-z_]+\.grpc\.pb\.h"
  "server/websocket/ | server/(websocket|session|api|access|wire|common)/|$shards|$generated"
  "server/http/      | server/(http|net|session|api|access|wire|common)/|$shards|$generated"
  "server/metrics/   | server/(metrics|access|live|session|http|common)/|server/engine/room_log\.h"
  "rooms/            | rooms/|server/(live/authoring|common)/"
  "client-sdk/       | client-sdk/|server/(access|common)/|atrium/v1/"
)
# Text of a source line | the files that may have it | what is wrong elsewhere.
homes=(
  '#include ["<]rooms/             | ^(rooms/|tests/|server/main\.cc)            | only rooms and main include rooms'
  '#include ["<]tests/             | ^tests/                                     | only tests include tests'
  '#include ["<](grpcpp|grpc)/|\.grpc\.pb\.h" | ^(server/grpc/|server/server\.cc|client-sdk/|tests/) | gRPC stays in server/grpc, server/server.cc, the client SDK and tests'
  '#include ["<]boost/beast/ | ^(server/http/|server/websocket/|tests/)  | Beast stays in server/http and server/websocket'
  '#include ["<]prometheus/        | ^(server/metrics/|tests/)                   | prometheus-cpp stays in server/metrics'
  '#include ["<]rocksdb/           | ^(server/engine/.*\.cc|tests/)               | RocksDB stays in the sources of server/engine'
  '#include <cjose/                | ^(server/access/.*\.cc|client-sdk/cli/sign_token\.cc|tests/) | cjose stays in the sources of server/access and where atrium signs'
  '#include <yaml-cpp/             | ^(server/access/.*\.cc|tests/)               | yaml-cpp stays in the sources of server/access'
  '#include ["<]zlib               | ^(server/wire/deflate\.cc|tests/)            | zlib stays in server/wire/deflate.cc'
  '#include <(mutex|shared_mutex|thread|atomic|condition_variable|future)>|absl/synchronization|std::(mutex|thread|atomic)|absl::Mutex | ^(server/|client-sdk/|tests/) | a room runs on one thread and has no locks'
  '#include "\.\.?/                | ^$                                          | includes start at the root of the repository'
)
max_lines=500
# Split, so that this file does not find itself.
empty=
leftovers='\b(TO''DO|FIX''ME)\b'
machine_folder='wo''rk'
machine_paths="(^|[^A-Za-z0-9_.\$}])/($machine_folder|home|root|Users)/[A-Za-z]"

# Prints one line for each breach in the tree `$1`.
check() {
  cd "$1"
  local files sources row pattern allowed why file
  mapfile -t files < <(find . \( -name .git -o -name build -o -name node_modules -o -name dist -o -name .cache \) -prune -o \
    -type f ! -name '*.png' ! -name '*.binpb' ! -name package-lock.json -printf '%P\n' | sort)
  mapfile -t sources < <(printf '%s\n' "${files[@]}" | grep -E '\.(h|cc)$')

  for row in "${layers[@]}"; do
    pattern=$(trim "${row%%|*}") allowed=$(trim "${row#*|}")
    for file in "${sources[@]}"; do
      [[ $file == "$pattern"* ]] || continue
      { grep -nE '#include "(server|rooms|client-sdk|tests|atrium|google/(api|rpc))/' "$file" || true; } |
        { grep -vE "#include \"($allowed)" || true; } | sed "s|^|$file:|; s|\$|  not allowed in $pattern|"
    done
  done

  for row in "${homes[@]}"; do
    why=$(trim "${row##*|}") row=${row%|*}
    allowed=$(trim "${row##* | }") pattern=$(trim "${row%% | *}")
    for file in "${sources[@]}"; do
      [[ $file =~ $allowed ]] || { grep -nE "$pattern" "$file" || true; } | sed "s|^|$file:|; s|\$|  $why|"
    done
  done

  grep -InE "$leftovers" "${files[@]}" /dev/null | sed 's|$|  unfinished|' || true
  grep -InE "$machine_paths" "${files[@]}" /dev/null | sed 's|$|  names a path of one machine|' || true
  wc -l "${files[@]}" | awk -v max=$max_lines '$1 > max && $2 != "total" {print $2 ": " $1 " lines, more than " max}'
}

trim() { local text=${1#"${1%%[![:space:]]*}"}; printf '%s' "${text%"${text##*[![:space:]]}"}"; }

self_test() {
  local breaches file line
  tree=$(mktemp -d)
  trap 'rm -rf "$tree"' EXIT
  # A file and a line that must be found; the last group is right and must not be.
  while IFS='|' read -r file line; do
    mkdir -p "$tree/$(dirname "$file")"
    printf '%s\n' "$line" >"$tree/$file"
  done <<END
server/common/a.h|#include "server/wire/json.h"
server/access/a.h|#include "server/api/caller.h"
server/access/b.h|#include <cjose/cjose.h>
server/api/e.h|#include <yaml-cpp/yaml.h>
server/wire/a.h|#include "atrium/v1/rooms.grpc.pb.h"
server/engine/a.h|#include "server/wire/json.h"
server/engine/b.h|#include <rocksdb/db.h>
server/websocket/b.h|#include <zlib.h>
server/live/rooms/d.cc|#include <rocksdb/db.h>
server/live/manager/a.h|#include "server/api/room_api.h"
server/live/shards/a.h|#include "server/live/rooms/channel.h"
server/live/authoring/a.h|#include "server/live/rooms/typed_room.h"
server/live/rooms/a.h|#include "server/live/manager/room_feed.h"
server/net/a.h|#include "server/http/http_server.h"
server/net/b.h|#include "server/live/rooms/room.h"
server/api/a.h|#include "server/session/session.h"
server/session/a.h|#include "server/websocket/accept.h"
server/grpc/a.h|#include "server/live/rooms/room.h"
server/websocket/a.h|#include "server/net/listener.h"
server/http/a.h|#include "server/websocket/socket.h"
server/metrics/a.h|#include "server/grpc/room_service.h"
server/api/b.h|#include <grpcpp/grpcpp.h>
server/live/rooms/b.h|#include "rooms/chat_room.h"
server/live/shards/c.h|#include <boost/beast/core.hpp>
server/session/b.h|#include <boost/beast/websocket.hpp>
server/session/c.h|#include "tests/support/client.h"
server/api/c.h|#include <prometheus/counter.h>
server/api/d.h|#include "../live/rooms/room.h"
client-sdk/a.h|#include "server/api/caller.h"
client-sdk/b.h|#include "server/wire/json.h"
client-sdk/cli/a.cc|#include <cjose/cjose.h>
rooms/a.h|#include "server/wire/json.h"
rooms/d.h|#include "server/live/rooms/room.h"
rooms/b.h|#include <mutex>
rooms/c.h|  absl::Mutex mutex_;
rooms/d.md|FIX${empty}ME: later
deploy/a|cd /$machine_folder/main
ok/rooms_are_free.md|rooms
ok/server/main.cc|#include "server/server.h"
rooms/ok_room.h|#include "server/live/authoring/live_room.h"
server/http/ok.h|#include "server/net/listener.h"
server/net/ok.h|#include "server/live/shards/io_shard.h"
server/engine/ok.cc|#include <rocksdb/db.h>
server/grpc/ok.h|#include "server/live/shards/shard.h"
client-sdk/ok.cc|#include "server/access/key_set.h"
END
  seq $((max_lines + 1)) >"$tree/server/long.md"
  breaches=$(check "$tree")
  local missed=0
  while read -r file; do
    if [[ $file == *ok* ]]; then
      ! grep -q "^$file:" <<<"$breaches" || { echo "wrongly found: $file"; missed=1; }
    else
      grep -q "^$file:" <<<"$breaches" || { echo "not found: $file"; missed=1; }
    fi
  done < <(cd "$tree" && find . -type f -printf '%P\n')
  return $missed
}

case "${1-}" in
  --self-test) self_test ;;
  '')
    breaches=$(check "$(dirname "$(realpath "$0")")/..")
    [[ -z $breaches ]] || { printf '%s\n' "$breaches"; exit 1; }
    ;;
  *) echo "usage: layering_test.sh [--self-test]" >&2; exit 2 ;;
esac
