#include "client-sdk/cli/commands.h"

#include <boost/program_options/value_semantic.hpp>

#include "absl/strings/cord.h"

namespace atrium::cli {
namespace {

namespace po = boost::program_options;

constexpr char kUsagePayload[] = "atrium/usage";

using Texts = std::vector<std::string>;

void NoFlags(po::options_description&) {}

void SinceFlag(po::options_description& flags) {
  flags.add_options()("since", po::value<std::string>()->value_name("POSITION"),
                      "epoch:offset of the last frame that is known: go on behind it");
}

void EmitFlags(po::options_description& flags) {
  flags.add_options()("to", po::value<Texts>()->composing()->value_name("ID"), "only this member gets it; repeatable")(
      "exclude", po::value<Texts>()->composing()->value_name("ID"), "this member does not get it; repeatable")(
      "volatile", po::bool_switch(), "not recorded: it takes no offset, and nobody gets it later")(
      "key", po::value<std::string>()->value_name("KEY"),
      "idempotency key: with the same key the same event is sent once, however often this is run");
}

void JoinFlags(po::options_description& flags) {
  flags.add_options()("payload", po::value<std::string>()->value_name("JSON"), "what OnJoin of a typed room gets")(
      "user", po::value<std::string>()->value_name("NAME"), "who this is, as others see it; for servers with --dev");
}

void StateFlags(po::options_description& flags) {
  flags.add_options()("set", po::value<std::string>()->value_name("JSON"),
                      "an object that is merged into the state; a null removes its key (RFC 7396)")(
      "expect-offset", po::value<uint64_t>()->value_name("N"),
      "set it only if the state has not changed behind this offset")("key", po::value<std::string>()->value_name("KEY"),
                                                                     "idempotency key, as of emit");
}

void CallFlags(po::options_description& flags) {
  flags.add_options()("key", po::value<std::string>()->value_name("KEY"), "idempotency key, as of emit");
}

void RoomsFlags(po::options_description& flags) {
  flags.add_options()("filter", po::value<std::string>()->value_name("FILTER"),
                      "such as: type = chat AND member_count > 0")("all", po::bool_switch(), "unlisted rooms too");
}

void VerifyFlags(po::options_description& flags) {
  const auto number = [](int fallback) { return po::value<int>()->default_value(fallback)->value_name("N"); };
  flags.add_options()("clients", number(16), "clients at once")("rooms", number(4), "rooms that they share")(
      "seconds", number(10), "how long")("rate", number(40), "steps a second of each client")(
      "seed", po::value<uint64_t>()->value_name("S"), "what the clients decide comes from it; without one, by chance")(
      "durable", po::bool_switch(), "the server has a data directory: its durable rooms must outlive it")(
      "crashes", po::bool_switch(), "the server may be ended and started meanwhile; it may be away for 30 s")(
      "no-resume", po::bool_switch(), "lost connections are followed by new sessions");
}

void KeygenFlags(po::options_description& flags) {
  flags.add_options()("id", po::value<std::string>()->value_name("ID"),
                      "who has the key: 1-64 letters, digits, underscores, dots, or hyphens")(
      "scopes-for", po::value<std::string>()->default_value("*")->value_name("METHODS"),
      "what it is for: names of methods with commas between; a * stands for the rest of a name");
}

constexpr Command kCommands[] = {
    {"tail", "ROOM", 1, 1, "follow a room without being in it",
     R"(Prints each frame of the room as it comes: position, kind, and what it says. When the connection is lost it comes
back by itself and goes on where it was; stderr says so, and whether anything was missed.

  atrium tail chat:geral
  atrium tail chat:geral --since 24a9feb3a7d597c:3     what came behind this, and what comes
  atrium tail chat:geral --json | jq .event.data
)",
     SinceFlag, Tail},
    {"emit", "ROOM EVENT [JSON]", 2, 3, "send an event to the members of a room",
     R"(  atrium emit geral deploy '{"version": "1.4.0"}'
  atrium emit geral note '"only for you"' --to s0-5f0c
  atrium emit geral paid '{"order": 7}' --key order-7   safe to repeat
)",
     EmitFlags, Emit},
    {"join", "ROOM", 1, 1, "be a member of a room, and type events into it",
     R"(Joins with a session of its own, prints its frames, and emits what is typed, a line each: the event's name, then
its data as JSON if there is any. Ctrl-C leaves.

  atrium join geral --user bea
  wave {"from": "the shell"}

  atrium join chat:geral --payload '{"username": "bea"}'

Without --dev a session shows a token, and only services bring somebody into a typed room such as chat:geral, which takes
a key too. When the token expires soon its file is read again, once a second: put the next one there, by mv.

  atrium join geral --token-file bea.jwt
  atrium join chat:geral --token-file bea.jwt --key-file shop.key
)",
     JoinFlags, Join, Shows::kBoth},
    {"state", "ROOM", 1, 1, "show or change the state of a room",
     R"(  atrium state geral
  atrium state geral --set '{"topic": "tea", "draft": null}'
  atrium state geral --set '{"count": 4}' --expect-offset 17   fails if somebody was faster
)",
     StateFlags, State},
    {"call", "ROOM METHOD [JSON]", 2, 3, "call a method of a typed room",
     R"(  atrium call chat:geral addMessage '{"user": "Ana", "text": "hello"}'
  atrium call counter:global increment '{"username": "Ana"}' --key click-1
)",
     CallFlags, Call},
    {"history", "ROOM", 1, 1, "show what happened in a room, as far as it is kept",
     R"(  atrium history geral
  atrium history geral --since 24a9feb3a7d597c:3
)",
     SinceFlag, ShowHistory},
    {"rooms", "", 0, 0, "list the rooms",
     R"(  atrium rooms --filter 'type = chat AND member_count < 100'
  atrium rooms --all --json | jq -r .id
)",
     RoomsFlags, Rooms},
    {"stats", "", 0, 0, "count rooms and members", "  atrium stats\n", NoFlags, Stats},
    {"verify", "", 0, 0, "put a running server to the test: nothing lost, nothing twice, one order",
     R"(Drives clients through joins, events, changes of state, method calls, leaves, lost connections and clean ones, in
rooms of its own, and records what each saw and what each was answered. Then it proves, or shows what is wrong:

  - every offset of a room is the same frame for everybody, and everybody sees them in that order
  - each gets all that is for it, once, and nothing else; who comes back goes on where it was
  - the state is the same for everybody at the same offset
  - what was acknowledged is there, once even if it was repeated with its key; what was refused is not
  - of conditional writes on the same offset one wins
  - no room has more members than seats

It prints its seed, counts what it looked at, and for each promise that is broken the shortest history that shows it.

  atrium verify
  atrium verify --clients 64 --rooms 8 --seconds 60 --seed 7
  atrium verify --durable --crashes     while somebody ends and starts the server, with its --data-dir, now and then

A server without --dev is to be started with --max-sessions-per-user=0, because all clients show one token, which needs
the grant {"room": "verify-*", "can": ["join", "emit", "set_state"]}; calls show a key for all methods:

  atrium verify --key-file all.key --token-file tester.jwt
)",
     VerifyFlags, Verify, Shows::kBoth},
    {"keygen", "", 0, 0, "make a service key",
     R"(Prints a new secret on stdout, and on stderr what goes into the file of atriumd --service-keys: its hash, so that the
file gives nothing away. The secret is shown once; keep it in a file that only the service can read.

  (umask 077; atrium keygen --id shop > shop.key)
  (umask 077; atrium keygen --id shop --scopes-for 'Emit,Get*' > shop.key 2> keys.yaml)
  atrium emit geral hi --key-file shop.key

A key of an id that is there already goes beside the old one: both work until the old one is taken out. In the file a
scope may also name rooms, and a key may expire:

  keys:
    - id: shop
      sha256: ...
      scopes:
        - methods: [Emit, "Get*"]
          rooms: ["chat:*"]
      expires: 2027-01-01T00:00:00Z
)",
     KeygenFlags, Keygen, Shows::kNothing},
};

}  // namespace

absl::Span<const Command> Commands() { return kCommands; }

absl::Status BadUsage(absl::string_view message) {
  absl::Status status = absl::InvalidArgumentError(message);
  status.SetPayload(kUsagePayload, absl::Cord());
  return status;
}

bool IsBadUsage(const absl::Status& status) { return status.GetPayload(kUsagePayload).has_value(); }

}  // namespace atrium::cli
