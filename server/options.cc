#include "server/options.h"

#include <algorithm>
#include <boost/asio/ip/address_v4.hpp>
#include <boost/program_options.hpp>
#include <cctype>
#include <sstream>
#include <thread>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "server/common/errors.h"
#include "server/common/status_macros.h"
#include "server/common/system_memory.h"
#include "server/version.h"

namespace atrium {
namespace {

namespace po = boost::program_options;

constexpr char kIntroduction[] = R"(atriumd holds rooms: members, events and shared state, each room in one order.
Backends call it over gRPC, browsers over WebSocket (/ws), webhooks over REST (/api).

  atriumd --dev                  serve this machine, without credentials; then open http://127.0.0.1:8080/
  atriumd --service-keys keys.yaml --client-jwks jwks.json --client-audience atrium    serve who shows a key or a token
  curl localhost:8080/api/rooms/geral/messages -H 'Content-Type: application/json' -d '{"text":"hello"}'

Every flag is also an environment variable: --http-address is ATRIUM_HTTP_ADDRESS. Durations are written 500ms, 10s
or 5m. A limit of 0 is none. SIGTERM or SIGINT says goodbye to clients and exits with 0.
)";

constexpr char kEnvironmentPrefix[] = "ATRIUM_";

po::options_description Flags() {
  const auto text = [](const char* fallback) { return po::value<std::string>()->default_value(fallback); };
  po::options_description general("General");
  general.add_options()("help,h", "print this")("version", "print the version")(
      "dev", po::bool_switch(), "open every door without credentials; loopback addresses only")(
      "grpc-address", text("127.0.0.1:50051"), "host:port of gRPC; port 0 picks a free one")(
      "http-address", text("127.0.0.1:8080"), "host:port of REST, WebSocket and the demo page")(
      "admin-address", text("127.0.0.1:9090"), "host:port of metrics and probes, for those who operate it")(
      "data-dir", text(""), "where durable rooms are kept; without it nothing is written")(
      "shards", text("0"), "threads that rooms and sessions are spread over; 0: one for each core")(
      "log-level", text("info"), "debug, info, warning or error")("drain-timeout", text("30s"),
                                                                  "how long SIGTERM waits for clients to go");
  po::options_description access("Access");
  access.add_options()("service-keys", text(""),
                       "YAML file of the keys that services show (authorization: Bearer, or x-api-key)")(
      "client-jwks", text(""), "JWKS file of the keys that clients' tokens (JWT) are signed with: RSA, EC P-256, oct")(
      "client-audience", text(""), "what their claim aud must name; required beside --client-jwks")(
      "client-issuer", text(""), "what their claim iss must be; any issuer if it is not given")(
      "client-leeway", text("30s"), "how much their issuer's clock may differ")(
      "client-max-token-bytes", text("4096"), "how long they may be")("client-max-ttl", text("24h"),
                                                                      "how long they may be good for, from iat to exp")(
      "allow-anonymous", text(""),
      "rooms, with commas between (lobby,public:*), where clients without a token may do whatever a grant can be for")(
      "allowed-origins", text(""),
      "whose pages may use the HTTP port, with commas between: https://app.example.com or https://*.example.com; with "
      "--dev those of this machine")(
      "reload-interval", text("10s"),
      "how often these files are looked at; what cannot be read does not replace what could. SIGHUP looks at once")(
      "grpc-behind-proxy", po::bool_switch(),
      "let gRPC listen beyond loopback. Callers must not reach it themselves: a proxy in front (Envoy, nginx) has to "
      "end "
      "HTTP/2, authenticate them and limit floods, which this version of gRPC does not withstand");
  po::options_description limits("Limits");
  limits.add_options()("max-state-bytes", text("1048576"),
                       "the state of one room, as JSON; its protobuf form has 3 MiB at most")(
      "empty-ttl", text("5m"), "how long a room without members is kept")(
      "history-frames", text("1000"), "frames that a room keeps for those who missed some")(
      "history-bytes", text("1048576"), "bytes of memory that they take")(
      "history-age", text("5m"), "how old they may be")("durable-ttl", text("720h"),
                                                        "how long a durable room is kept in which nothing happens")(
      "max-message-bytes", text("65536"), "one frame from a client")(
      "message-timeout", text("30s"), "how long a frame from a client may take to come in")(
      "max-body-bytes", text("1048576"), "one REST body")("max-connections", text("16384"),
                                                          "open HTTP connections, WebSockets not counted")(
      "max-websockets", text("100000"), "open WebSockets")("max-grpc-connections", text("1000"),
                                                           "open gRPC connections")(
      "max-grpc-streams", text("256"), "calls of one gRPC connection at a time; further ones wait at their client")(
      "max-connections-per-address", text("200"),
      "open connections of one address (IPv6: of a /64), WebSockets only until their hello has been taken; "
      "with --dev none unless it is given")("max-rooms", text("100000"), "rooms in memory at a time")(
      "max-sessions-per-user", text("20"), "sessions of one user by its tokens, those that wait for their client too")(
      "memory-limit", text("80%"),
      "bytes of memory, as 512MiB or 2GiB, or a part of what the control group of this process allows; above 80 % of "
      "that there are no new rooms and sessions, and above 90 % what waits for slow readers goes")(
      "max-rooms-per-session", text("128"), "rooms that one session may be in")(
      "max-components-per-session", text("16"), "components that one session may mount")(
      "session-rate", text("50"),
      "requests a second of one session, in the long run; a request counts once more for each 16 KiB that it has, "
      "unpacked, and 64 pings or fragments count as one. As many are refused, the rest is read later, and who sends "
      "more than that for 10s is closed (1008)")(
      "session-burst", text("200"),
      "requests at once of one session; at least as many as it may have rooms and components")(
      "send-queue-bytes", text("1048576"),
      "what may wait to be sent to one client, beside one larger frame and what it catches up with; who is over that "
      "gets no more of its rooms until half is free, and is closed (3008) if it takes less than 64 KiB a second")(
      "websocket-compress-above", text("1024"),
      "longer frames are compressed for WebSockets that take that; 0: none are, and compressed ones are not taken")(
      "resume-window", text("15s"),
      "how long a session waits for a client that has lost its connection; 0s: not at all")(
      "request-timeout", text("10s"), "how long one HTTP request may take to come in")(
      "http-idle-timeout", text("75s"),
      "how long an HTTP connection is kept between two requests; a load balancer in front must give up sooner (most "
      "do after 60s), or it sends requests on connections that are being closed")(
      "hello-timeout", text("10s"), "how long a connection may wait with its hello")(
      "ping-interval", text("25s"), "silence after which a client is pinged")(
      "pong-timeout", text("8s"),
      "further silence after which it is cut off (3012); one second more for each 64 KiB that it takes "
      "of what was written before its ping");
  return std::move(general.add(access).add(limits));
}

std::string FlagOfVariable(const po::options_description& flags, const std::string& variable) {
  if (!absl::StartsWith(variable, kEnvironmentPrefix)) return "";
  std::string name = absl::StrReplaceAll(variable.substr(sizeof(kEnvironmentPrefix) - 1), {{"_", "-"}});
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
  const bool known = flags.find_nothrow(name, /*approx=*/false) != nullptr;
  return known && name != "help" && name != "version" ? name : "";
}

// Reads typed values and remembers the first that breaks its rule.
class Reader {
 public:
  explicit Reader(const po::variables_map& values) : values_(values) {}

  std::string Text(const char* name) const { return values_[name].as<std::string>(); }

  int64_t Integer(const char* name, int64_t max) {
    int64_t number = 0;
    if (!absl::SimpleAtoi(Text(name), &number) || number < 0 || number > max) {
      Refuse(name, absl::StrCat("must be an integer from 0 to ", max));
    }
    return number;
  }
  double Number(const char* name) {
    double number = 0;
    if (!absl::SimpleAtod(Text(name), &number) || !(number >= 0) || number > 1e9) {
      Refuse(name, "must be a number from 0 to 1e9");
    }
    return number;
  }
  absl::Duration Duration(const char* name) {
    const absl::Duration duration = DurationOrZero(name);
    if (duration == absl::ZeroDuration()) Refuse(name, "must be a duration such as 500ms, 10s or 5m");
    return duration;
  }
  absl::Duration DurationOrZero(const char* name) {
    absl::Duration duration;
    if (!absl::ParseDuration(Text(name), &duration) || duration < absl::ZeroDuration() ||
        duration > absl::Hours(24 * 365)) {
      Refuse(name, "must be a duration such as 500ms, 10s or 5m");
    }
    return duration;
  }
  // The host is left to those who resolve it; a port that they would read otherwise than it is written is refused here.
  std::string Address(const char* name) {
    std::string address = Text(name);
    const size_t colon = address.rfind(':');
    const std::string port = colon == std::string::npos ? "" : address.substr(colon + 1);
    int64_t number = 0;
    // SimpleAtoi also takes white space and signs.
    if (!std::all_of(port.begin(), port.end(), absl::ascii_isdigit) || !absl::SimpleAtoi(port, &number) ||
        number > 65535) {
      Refuse(name, "must be HOST:PORT, with a port from 0 to 65535 in digits");
    }
    return address;
  }
  // Bytes, or a part of the memory of the system.
  int64_t Memory(const char* name) {
    constexpr char kRule[] =
        "must be bytes, such as 512MiB or 2GiB, or from 1% to 100% of the system's memory; 0: none";
    const std::string text = Text(name);
    const size_t digits = std::find_if_not(text.begin(), text.end(), absl::ascii_isdigit) - text.begin();
    const std::string unit = text.substr(digits);
    int64_t number = 0;
    if (!absl::SimpleAtoi(text.substr(0, digits), &number) || number > kMostUnits) Refuse(name, kRule);
    if (unit == "%" && number > 0 && number <= 100) return SystemMemory() / 100 * number;
    if (unit.empty()) return number;
    if (unit == "KiB") return number << 10;
    if (unit == "MiB") return number << 20;
    if (unit == "GiB") return number << 30;
    Refuse(name, kRule);
    return 0;
  }
  LogLevel Level(const char* name) {
    const std::string text = Text(name);
    if (text == "debug") return LogLevel::kDebug;
    if (text == "warning") return LogLevel::kWarning;
    if (text == "error") return LogLevel::kError;
    if (text != "info") Refuse(name, "must be debug, info, warning or error");
    return LogLevel::kInfo;
  }
  void Refuse(const char* name, absl::string_view rule) {
    const std::string given = Text(name).empty() ? "" : absl::StrCat(", not '", Text(name), "'");
    if (status_.ok()) status_ = InvalidField(absl::StrCat("--", name), absl::StrCat(rule, given));
  }
  void Refuse(const absl::Status& error) {
    if (status_.ok()) status_ = error;
  }
  const absl::Status& status() const { return status_; }

 private:
  // So many GiB are still a number of bytes.
  static constexpr int64_t kMostUnits = (int64_t{1} << 33) - 1;

  const po::variables_map& values_;
  absl::Status status_;
};

bool IsLoopback(const std::string& address) {
  const std::string host = address.substr(0, address.rfind(':'));
  boost::system::error_code not_v4;
  const auto v4 = boost::asio::ip::make_address_v4(host, not_v4);
  // A name that only begins like an address may lead anywhere.
  return host == "localhost" || host == "[::1]" || (!not_v4 && v4.is_loopback());
}

// Requires addresses of loopback, because without credentials only this very machine may come in.
void RequireLoopback(Reader& reader) {
  for (const char* const name : {"grpc-address", "http-address", "admin-address"}) {
    if (IsLoopback(reader.Text(name))) continue;
    reader.Refuse(name, "must be a loopback address, such as 127.0.0.1:0, with --dev");
  }
}

// Requires that those who come in can be told apart, and that gRPC is not laid open to whoever speaks HTTP/2.
void RequireCredentials(Reader& reader, const Options& options) {
  if (options.service_keys.empty() && options.client_jwks.empty()) {
    reader.Refuse("service-keys", "is required, or --client-jwks, or --dev for this machine only without credentials");
  }
  if (!options.grpc_behind_proxy && !IsLoopback(options.grpc_address)) {
    reader.Refuse("grpc-address",
                  "must be a loopback address, or stand behind a proxy and be told so by --grpc-behind-proxy");
  }
}

std::vector<RoomPattern> ReadPatterns(Reader& reader, const char* name) {
  std::vector<RoomPattern> patterns;
  for (const absl::string_view text : absl::StrSplit(reader.Text(name), ',', absl::SkipEmpty())) {
    absl::StatusOr<RoomPattern> pattern = RoomPattern::Parse(name, text);
    if (!pattern.ok()) {
      reader.Refuse(name, "must be room ids, or beginnings of ids with a * behind, with commas between");
    } else {
      patterns.push_back(*std::move(pattern));
    }
  }
  return patterns;
}

void ReadAccess(const po::variables_map& values, Reader& reader, Options& options) {
  options.dev = values["dev"].as<bool>();
  options.grpc_behind_proxy = values["grpc-behind-proxy"].as<bool>();
  options.service_keys = reader.Text("service-keys");
  options.client_jwks = reader.Text("client-jwks");
  options.tokens.issuer = reader.Text("client-issuer");
  options.tokens.audience = reader.Text("client-audience");
  options.tokens.leeway = reader.DurationOrZero("client-leeway");
  options.tokens.max_bytes = reader.Integer("client-max-token-bytes", 16 * 1024);
  options.tokens.max_ttl = reader.Duration("client-max-ttl");
  options.anonymous = ReadPatterns(reader, "allow-anonymous");
  absl::StatusOr<Origins> origins = Origins::Parse("--allowed-origins", reader.Text("allowed-origins"));
  if (!origins.ok()) {
    reader.Refuse(origins.status());
  } else {
    options.origins = options.dev ? Origins::Loopback() : *std::move(origins);
  }
  if (options.dev && !reader.Text("allowed-origins").empty()) {
    reader.Refuse("allowed-origins", "cannot stand beside --dev, with which the pages of this machine are let in");
  }
  // No page uses it, and where it is for this machine alone its name must be one of that: else a page could read it by
  // a name of its own that leads here.
  options.admin_origins = IsLoopback(options.admin_address) ? Origins::Loopback() : Origins::None();
  options.reload_interval = reader.Duration("reload-interval");
  if (!options.client_jwks.empty() && options.tokens.audience.empty()) {
    reader.Refuse("client-audience", "is required beside --client-jwks: tokens for others must not open this server");
  }
  options.dev ? RequireLoopback(reader) : RequireCredentials(reader, options);
}

absl::StatusOr<Options> ReadOptions(const po::variables_map& values) {
  constexpr int64_t kMaxBytes = int64_t{1} << 30;
  Reader reader(values);
  Options options;
  options.data_dir = reader.Text("data-dir");
  options.grpc_address = reader.Address("grpc-address");
  options.http_address = reader.Address("http-address");
  options.admin_address = reader.Address("admin-address");
  ReadAccess(values, reader, options);
  options.shards = static_cast<int>(reader.Integer("shards", 256));
  if (options.shards == 0) options.shards = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  options.log_level = reader.Level("log-level");
  options.drain_timeout = reader.Duration("drain-timeout");
  options.max_body_bytes = reader.Integer("max-body-bytes", kMaxBytes);
  options.request_timeout = reader.Duration("request-timeout");
  options.http_idle_timeout = reader.Duration("http-idle-timeout");
  const auto connections = [&](const char* name) { return static_cast<int>(reader.Integer(name, 1'000'000)); };
  options.max_connections = connections("max-connections");
  options.max_websockets = connections("max-websockets");
  options.max_grpc_connections = connections("max-grpc-connections");
  options.max_grpc_streams = connections("max-grpc-streams");
  options.max_connections_per_address = connections("max-connections-per-address");
  options.max_rooms = connections("max-rooms");
  options.max_sessions_per_user = connections("max-sessions-per-user");
  options.memory_limit = reader.Memory("memory-limit");
  // With --dev all that comes is from this machine, load tests with many connections among them.
  if (options.dev && values["max-connections-per-address"].defaulted()) options.max_connections_per_address = 0;
  options.rooms.max_state_bytes = reader.Integer("max-state-bytes", kMaxBytes);
  options.rooms.empty_ttl = reader.Duration("empty-ttl");
  options.rooms.history.frames = static_cast<int>(reader.Integer("history-frames", 1'000'000));
  options.rooms.history.bytes = reader.Integer("history-bytes", kMaxBytes);
  options.rooms.history.age = reader.Duration("history-age");
  options.rooms.durable_ttl = reader.Duration("durable-ttl");
  SessionSettings& sessions = options.sessions;
  sessions.rate = reader.Number("session-rate");
  sessions.burst = reader.Number("session-burst");
  sessions.max_rooms = static_cast<int>(reader.Integer("max-rooms-per-session", 1'000'000));
  sessions.max_components = static_cast<int>(reader.Integer("max-components-per-session", 1'000'000));
  sessions.max_message_bytes = reader.Integer("max-message-bytes", kMaxBytes);
  sessions.message_timeout = reader.Duration("message-timeout");
  sessions.send_queue_bytes = reader.Integer("send-queue-bytes", kMaxBytes);
  sessions.compress_above = options.rooms.compress_above = reader.Integer("websocket-compress-above", kMaxBytes);
  sessions.resume_window = options.rooms.resume_window = reader.DurationOrZero("resume-window");
  sessions.hello_timeout = reader.Duration("hello-timeout");
  sessions.ping_interval = reader.Duration("ping-interval");
  sessions.pong_timeout = reader.Duration("pong-timeout");
  RETURN_IF_ERROR(reader.status());
  return options;
}

}  // namespace

absl::StatusOr<CommandLine> ParseCommandLine(int argc, const char* const* argv) {
  const po::options_description flags = Flags();
  po::variables_map values;
  try {
    po::store(po::command_line_parser(argc, argv).options(flags).positional({}).run(), values);
    po::store(po::parse_environment(flags, [&](const std::string& name) { return FlagOfVariable(flags, name); }),
              values);
    po::notify(values);
  } catch (const po::error& error) {
    return MakeError(absl::StatusCode::kInvalidArgument, "INVALID_FLAG", error.what());
  }
  CommandLine command_line;
  if (values.count("help") > 0) {
    std::ostringstream help;
    help << kIntroduction << "\n" << flags;
    command_line.print = help.str();
    return command_line;
  }
  if (values.count("version") > 0) {
    command_line.print = absl::StrCat("atriumd ", kVersion, "\n");
    return command_line;
  }
  ASSIGN_OR_RETURN(command_line.options, ReadOptions(values));
  return command_line;
}

}  // namespace atrium
