#include "client-sdk/cli/command_line.h"

#include <boost/program_options.hpp>
#include <cstdlib>
#include <sstream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace atrium::cli {
namespace {

namespace po = boost::program_options;

constexpr char kDefaultAddress[] = "127.0.0.1:50051";

constexpr char kIntroduction[] = R"(atrium talks to atriumd, where rooms live.

  atrium [--address HOST:PORT] COMMAND ...

)";

constexpr char kEnd[] = R"(
  atrium COMMAND --help          what it does, with examples
  --address HOST:PORT            gRPC of atriumd; else ATRIUM_ADDRESS, else 127.0.0.1:50051
  --key-file FILE                the key of a service, which calls show; else ATRIUM_KEY_FILE; atrium keygen makes one
  --token-file FILE              the token (JWT) of a client; else ATRIUM_TOKEN_FILE; atrium token makes one for trials
  --json                         one JSON object a line

A server without --dev answers those who show one of the two.

It exits with 0 when all went well, 1 when something failed, and 2 when it was called wrongly; errors are one line on
stderr. What starts with a dash but is no flag goes behind --: atrium emit geral change -- -5
)";

po::options_description GlobalFlags(Shows shows) {
  po::options_description flags("Of every command");
  flags.add_options()("help,h", "print this");
  if (shows == Shows::kNothing) return flags;
  const auto text = [](const char* name) { return po::value<std::string>()->value_name(name); };
  flags.add_options()("address", text("HOST:PORT"), "gRPC of atriumd; else ATRIUM_ADDRESS, else 127.0.0.1:50051")(
      "key-file", text("FILE"), "holds the key of a service, which calls show; else ATRIUM_KEY_FILE")(
      "token-file", text("FILE"), "holds the token (JWT) of a client; else ATRIUM_TOKEN_FILE")(
      "json", po::bool_switch(), "one JSON object a line");
  return flags;
}

std::string HelpText() {
  std::string text = kIntroduction;
  for (const Command& command : Commands()) {
    const std::string call = absl::StrCat(command.name, *command.arguments == 0 ? "" : " ", command.arguments);
    absl::StrAppend(&text, absl::StrFormat("  %-28s %s\n", call, command.summary));
  }
  return text + kEnd;
}

std::string HelpText(const Command& command) {
  po::options_description own(absl::StrCat("Of ", command.name));
  command.add_flags(own);
  std::ostringstream text;
  text << "atrium " << command.name << (*command.arguments == 0 ? "" : " ") << command.arguments << ": "
       << command.summary << "\n\n"
       << command.help << "\n";
  if (!own.options().empty()) text << own << "\n";
  text << GlobalFlags(command.shows);
  return text.str();
}

const Command* Find(absl::string_view name) {
  for (const Command& command : Commands()) {
    if (name == command.name) return &command;
  }
  return nullptr;
}

// Returns the index of the first word that is neither a flag nor what stands behind one; 0 for none.
int CommandAt(int argc, const char* const* argv) {
  for (int i = 1; i < argc; ++i) {
    const absl::string_view word = argv[i];
    if (word == "--address" || word == "--key-file" || word == "--token-file") {
      ++i;
    } else if (word.empty() || word[0] != '-') {
      return i;
    }
  }
  return 0;
}

absl::Status CheckAddress(absl::string_view address) {
  const size_t colon = address.rfind(':');
  int port = 0;
  if (colon != absl::string_view::npos && colon > 0 && absl::SimpleAtoi(address.substr(colon + 1), &port) && port > 0 &&
      port < 65536) {
    return absl::OkStatus();
  }
  return BadUsage(absl::StrCat("--address must be HOST:PORT, such as ", kDefaultAddress, ", not '", address, "'"));
}

absl::Status CheckArguments(const Command& command, size_t given) {
  if (given >= command.least && given <= command.most) return absl::OkStatus();
  return BadUsage(absl::StrCat("call it as: atrium ", command.name, *command.arguments == 0 ? "" : " ",
                               command.arguments, " (see atrium ", command.name, " --help)"));
}

std::string FromEnvironment(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

Credentials::File FromFlag(const Invocation& invocation, const char* flag) {
  if (!invocation.has(flag)) return {};
  return {.named_by = absl::StrCat("--", flag), .path = invocation.flag<std::string>(flag)};
}

Credentials::File FileFromEnvironment(const char* name) {
  std::string path = FromEnvironment(name);
  if (path.empty()) return {};
  return {.named_by = name, .path = std::move(path)};
}

absl::StatusOr<Credentials> ReadCredentials(const Command& command, const Invocation& invocation) {
  Credentials::File key = FromFlag(invocation, "key-file");
  Credentials::File token = FromFlag(invocation, "token-file");
  // Whoever says by flags what to show means nothing else.
  if (key.named_by.empty() && token.named_by.empty()) {
    key = FileFromEnvironment("ATRIUM_KEY_FILE");
    token = FileFromEnvironment("ATRIUM_TOKEN_FILE");
  }
  if (command.shows != Shows::kBoth && !key.named_by.empty() && !token.named_by.empty()) {
    return BadUsage(absl::StrCat(key.named_by, " and ", token.named_by, " are both given: ", command.name,
                                 " shows one, which --key-file or --token-file chooses"));
  }
  auto credentials = Credentials::Read(std::move(key), std::move(token));
  if (!credentials.ok()) return BadUsage(credentials.status().message());
  return credentials;
}

// Finds out whom to call, and as whom.
absl::Status ReadServerFlags(const Command& command, Invocation& invocation) {
  const std::string environment = FromEnvironment("ATRIUM_ADDRESS");
  invocation.address = invocation.has("address") ? invocation.flag<std::string>("address")
                       : !environment.empty()    ? environment
                                                 : kDefaultAddress;
  if (absl::Status status = CheckAddress(invocation.address); !status.ok()) return status;
  auto credentials = ReadCredentials(command, invocation);
  if (!credentials.ok()) return credentials.status();
  invocation.credentials = *std::move(credentials);
  return absl::OkStatus();
}

absl::StatusOr<CommandLine> ParseFor(const Command& command, const std::vector<std::string>& words) {
  po::options_description flags = GlobalFlags(command.shows);
  command.add_flags(flags);
  flags.add_options()("argument", po::value<std::vector<std::string>>());
  po::positional_options_description arguments;
  arguments.add("argument", -1);
  CommandLine line{.command = &command};
  Invocation& invocation = line.invocation;
  try {
    using Style = po::command_line_style::style_t;
    const int style = Style::unix_style & ~Style::allow_guessing;
    po::store(po::command_line_parser(words).options(flags).positional(arguments).style(style).run(), invocation.flags);
    po::notify(invocation.flags);
  } catch (const po::error& error) {
    return BadUsage(absl::StrCat(error.what(), " (see atrium ", command.name, " --help)"));
  }
  if (invocation.has("help")) {
    line.print = HelpText(command);
    return line;
  }
  if (invocation.has("argument")) invocation.arguments = invocation.flag<std::vector<std::string>>("argument");
  if (absl::Status status = CheckArguments(command, invocation.arguments.size()); !status.ok()) return status;
  invocation.json = invocation.has("json") && invocation.flag<bool>("json");
  if (command.shows == Shows::kNothing) return line;
  if (absl::Status status = ReadServerFlags(command, invocation); !status.ok()) return status;
  return line;
}

}  // namespace

absl::StatusOr<CommandLine> ParseCommandLine(int argc, const char* const* argv) {
  const int at = CommandAt(argc, argv);
  if (at == 0) {
    for (int i = 1; i < argc; ++i) {
      if (absl::string_view(argv[i]) == "--help" || absl::string_view(argv[i]) == "-h") return CommandLine{HelpText()};
    }
    return BadUsage("name a command (see atrium --help)");
  }
  const Command* const command = Find(argv[at]);
  if (command == nullptr) return BadUsage(absl::StrCat("there is no command '", argv[at], "' (see atrium --help)"));
  std::vector<std::string> words(argv + 1, argv + at);
  words.insert(words.end(), argv + at + 1, argv + argc);
  return ParseFor(*command, words);
}

}  // namespace atrium::cli
