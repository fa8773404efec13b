#pragma once

#include <boost/program_options/options_description.hpp>
#include <boost/program_options/variables_map.hpp>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "client-sdk/cli/credentials.h"

namespace atrium::cli {

// How a command was called.
struct Invocation {
  std::string address;
  Credentials credentials;
  // If true, it prints one JSON object a line, instead of text.
  bool json = false;
  std::vector<std::string> arguments;
  boost::program_options::variables_map flags;

  bool has(const char* flag) const { return flags.count(flag) > 0; }
  template <typename T>
  T flag(const char* name) const {
    return flags[name].as<T>();
  }
};

// What a command shows of who calls.
enum class Shows {
  // It calls no server.
  kNothing,
  // A key or a token.
  kEither,
  // Its calls show the key, and its sessions the token.
  kBoth,
};

struct Command {
  const char* name;
  // These are its arguments, as help shows them, and how many of them there may be.
  const char* arguments;
  size_t least;
  size_t most;
  // These describe it in a line, and in its own help.
  const char* summary;
  const char* help;
  void (*add_flags)(boost::program_options::options_description&);
  // Runs it; it prints to stdout. The error is of BadUsage if it was called wrongly.
  absl::Status (*run)(const Invocation&);
  Shows shows = Shows::kEither;
};

absl::Span<const Command> Commands();

// Returns the error (INVALID_ARGUMENT) of whoever called, not of what was asked.
absl::Status BadUsage(absl::string_view message);
bool IsBadUsage(const absl::Status& status);

// The commands.
absl::Status Tail(const Invocation& invocation);
absl::Status Join(const Invocation& invocation);
absl::Status Emit(const Invocation& invocation);
absl::Status State(const Invocation& invocation);
absl::Status Call(const Invocation& invocation);
absl::Status ShowHistory(const Invocation& invocation);
absl::Status Rooms(const Invocation& invocation);
absl::Status Stats(const Invocation& invocation);
absl::Status Verify(const Invocation& invocation);
absl::Status Keygen(const Invocation& invocation);
absl::Status Token(const Invocation& invocation);
absl::Status CheckToken(const Invocation& invocation);

}  // namespace atrium::cli
