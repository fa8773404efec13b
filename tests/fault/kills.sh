#!/usr/bin/env bash
# Ends atriumd with kill -9 at random moments, and starts it again on the same data directory, while `atrium verify`
# holds it to its promises. Fails if one is broken, and leaves the server's log to be read.
#
#   kills.sh ATRIUMD ATRIUM [FLAGS OF VERIFY...]
#
# ATRIUM_FAULT_SECONDS  how long (20)
# ATRIUM_FAULT_SEED     of the moments and of what the clients do (by chance)
set -euo pipefail
atriumd=$1 atrium=$2
shift 2
seconds=${ATRIUM_FAULT_SECONDS:-20}
seed=${ATRIUM_FAULT_SEED:-$((RANDOM * 32768 + RANDOM))}
RANDOM=$((seed % 32768))
folder=$(mktemp -d)
server=
verify=
clean_up() {
  [[ -z $verify ]] || kill -9 "$verify" 2>/dev/null || true
  [[ -z $server ]] || kill -9 "$server" 2>/dev/null || true
  [[ -z $server ]] || wait "$server" 2>/dev/null || true
  rm -rf "$folder"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

# start GRPC_PORT HTTP_PORT: returns when it serves.
start() {
  : >"$folder/ready"
  "$atriumd" --dev --data-dir="$folder/data" --grpc-address="127.0.0.1:$1" --http-address="127.0.0.1:$2" \
    --admin-address=127.0.0.1:0 --log-level=warning >"$folder/ready" 2>>"$folder/log" &
  server=$!
  local i
  for ((i = 0; i < 1000; ++i)); do
    if grep -q ready "$folder/ready"; then return; fi
    if ! kill -0 "$server" 2>/dev/null; then break; fi
    sleep 0.01
  done
  echo "FAILED: atriumd does not start" >&2
  cat "$folder/log" >&2
  exit 1
}
port() { sed -nE "s/.* $1=127\.0\.0\.1:([0-9]+).*/\1/p" "$folder/ready"; }

echo "seed $seed, for $seconds s"
start 0 0
grpc=$(port grpc) http=$(port http)
"$atrium" verify --address "127.0.0.1:$grpc" --durable --crashes --seconds "$seconds" --seed "$seed" "$@" \
  >"$folder/verdict" 2>"$folder/progress" &
verify=$!
kills=0
end=$((SECONDS + seconds))
while ((SECONDS < end)) && kill -0 "$verify" 2>/dev/null; do
  milliseconds=$((200 + RANDOM % 1800))
  sleep "$((milliseconds / 1000)).$(printf %03d $((milliseconds % 1000)))"
  kill -9 "$server"
  wait "$server" 2>/dev/null || true
  kills=$((kills + 1))
  start "$grpc" "$http"
done
status=0
wait "$verify" || status=$?
verify=
cat "$folder/verdict" "$folder/progress"
echo "$kills kills, seed $seed"
((status == 0)) || { echo "FAILED: verify ended with $status; the server's log:" >&2; tail -n 20 "$folder/log" >&2; }
exit "$status"
