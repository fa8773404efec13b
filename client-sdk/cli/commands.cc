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
      "what it is for: names of methods with commas between; a * stands for the rest of a name")(
      "jwk", po::value<std::string>()->implicit_value("")->value_name("ALG"),
      "make a key for signing tokens instead: ES256, as without a name, RS256 or HS256")(
      "kid", po::value<std::string>()->value_name("KID"), "what that one is called; without it, something at random");
}

void TokenFlags(po::options_description& flags) {
  const auto text = [](const char* name) { return po::value<std::string>()->value_name(name); };
  const auto texts = [](const char* name) { return po::value<Texts>()->composing()->value_name(name); };
  flags.add_options()("jwk", text("FILE"), "the private key, as `atrium keygen --jwk` prints it")(
      "sub", text("USER"), "who the user is")("aud", text("AUD")->default_value("atrium"),
                                              "what the server has as --client-audience")(
      "iss", text("ISS"), "what it has as --client-issuer")("ttl", text("DURATION")->default_value("10m"),
                                                            "how long it is good, such as 90s or 24h")(
      "room", texts("PATTERN=VERBS"), "a grant, such as 'geral=join,emit' or 'public:*=watch'; repeatable")(
      "component", texts("NAME"), "a component that the user may mount; repeatable")(
      "info", text("JSON"), "an object that members of rooms see of the user")(
      "max-connections", po::value<int>()->value_name("N"), "the user has so many sessions at once")(
      "claims", text("FILE"), "a JSON object with more claims, such as grants with `methods`");
}

void CheckTokenFlags(po::options_description& flags) {
  const auto text = [](const char* name) { return po::value<std::string>()->value_name(name); };
  flags.add_options()("jwks", text("FILE"), "what the server has as --client-jwks")(
      "aud", text("AUD"), "as --client-audience")("iss", text("ISS"), "as --client-issuer")(
      "leeway", text("DURATION")->default_value("30s"), "as --client-leeway")("json", po::bool_switch(),
                                                                              "one JSON object");
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
    {"keygen", "--id ID | --jwk [ALG]", 0, 1, "make a service key, or one for signing tokens",
     R"(With --id it prints a new secret of a service on stdout, and on stderr what goes into the file of atriumd
--service-keys: its hash, so that the file gives nothing away. The secret is shown once; keep it in a file that only the
service can read.

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

With --jwk it prints a new key for signing the tokens of clients: on stdout the private JWK, for the backend that signs
them, and on stderr a JWK Set of its public part, for the file of atriumd --client-jwks.

  (umask 077; atrium keygen --jwk > tokens.jwk 2> jwks.json)
  (umask 077; atrium keygen --jwk RS256 --kid 2026 > tokens.jwk 2> jwks.json)

The key of HS256 is one secret for both: its JWK Set is as secret as the private JWK, and whoever has either signs
tokens. Take it only where the server and the backend are one.
)",
     KeygenFlags, Keygen, Shows::kNothing},
    {"token", "--jwk FILE --sub USER", 0, 0, "sign a token of a client, for trials and scripts",
     R"(Prints a token (JWT) that is signed with a private JWK: RSA, P-256, or a secret. It is for trials and scripts: a
backend has the key itself, and signs tokens with a JWT library of its language, for a user that it has recognised.

  (umask 077; atrium token --jwk tokens.jwk --sub ana --iss shop --room 'geral=join,emit' > ana.jwt)
  atrium join geral --token-file ana.jwt
  TOKEN=$(atrium token --jwk tokens.jwk --sub ana --iss shop)
  curl http://127.0.0.1:8080/api/rooms -H "Authorization: Bearer $TOKEN"

A grant of --room is a pattern, a room's id or its beginning with a * behind, and verbs: join, emit, set_state, call,
watch, history, members. What has no flag stands in the file of --claims, which may also say what is there by default,
such as `exp`:

  {"rooms": [{"room": "chat:*", "can": ["call"], "methods": ["addMessage"]}], "nbf": 1796083200}
)",
     TokenFlags, Token, Shows::kNothing},
    {"check-token", "[TOKEN_FILE]", 0, 1, "say whether a server would take a token, and what it allows",
     R"(Reads a token from a file, or from stdin without one or for -. It does so as an atriumd that is started with the
same --client-jwks, --client-audience, --client-issuer and --client-leeway, and other flags as they are by default. It
prints whose token it is and what it grants, or fails with what is wrong, which such a server tells its log. The token
itself is never printed.

  atrium check-token --jwks jwks.json --aud atrium --iss shop ana.jwt
  atrium token --jwk tokens.jwk --sub ana | atrium check-token --jwks jwks.json --aud atrium --json
)",
     CheckTokenFlags, CheckToken, Shows::kNothing},
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
