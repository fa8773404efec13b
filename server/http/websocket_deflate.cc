#include "server/http/websocket_deflate.h"

#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "server/common/errors.h"
#include "server/common/status_macros.h"

namespace atrium {
namespace {

struct Parameter {
  std::string name;
  // This is without quotes.
  std::optional<std::string> value;
};

struct Extension {
  std::string name;
  std::vector<Parameter> parameters;
};

// Reads a header by the grammar of RFC 6455 section 9.1.
class HeaderReader {
 public:
  explicit HeaderReader(absl::string_view text) : text_(text) {}

  absl::StatusOr<std::vector<Extension>> Read() {
    std::vector<Extension> extensions;
    for (;;) {
      // A list may have empty elements: RFC 7230 section 7.
      while (Take(',')) {
      }
      if (text_.empty()) return extensions;
      Extension& extension = extensions.emplace_back();
      ASSIGN_OR_RETURN(extension.name, Token());
      while (Take(';')) {
        Parameter& parameter = extension.parameters.emplace_back();
        ASSIGN_OR_RETURN(parameter.name, Token());
        if (Take('=')) {
          ASSIGN_OR_RETURN(parameter.value, Value());
        }
      }
      if (!text_.empty() && text_.front() != ',') return Malformed();
    }
  }

 private:
  static absl::Status Malformed() {
    return InvalidField("Sec-WebSocket-Extensions", "must be a list of extensions (RFC 6455 section 9.1)");
  }

  static bool InToken(char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
           absl::string_view("!#$%&'*+-.^_`|~").find(c) != absl::string_view::npos;
  }

  void SkipSpace() {
    while (!text_.empty() && (text_.front() == ' ' || text_.front() == '\t')) text_.remove_prefix(1);
  }

  // Takes `c` with the space around it, if it is there.
  bool Take(char c) {
    SkipSpace();
    if (text_.empty() || text_.front() != c) return false;
    text_.remove_prefix(1);
    SkipSpace();
    return true;
  }

  absl::StatusOr<std::string> Token() {
    size_t size = 0;
    while (size < text_.size() && InToken(text_[size])) ++size;
    if (size == 0) return Malformed();
    std::string token(text_.substr(0, size));
    text_.remove_prefix(size);
    SkipSpace();
    return token;
  }

  // Reads a token, or one in quotes.
  absl::StatusOr<std::string> Value() {
    if (text_.empty() || text_.front() != '"') return Token();
    std::string value;
    for (size_t i = 1; i < text_.size(); ++i) {
      if (text_[i] == '"') {
        text_.remove_prefix(i + 1);
        SkipSpace();
        if (value.empty()) return Malformed();
        return value;
      }
      if (text_[i] == '\\' && ++i == text_.size()) break;
      if (!InToken(text_[i])) break;
      value.push_back(text_[i]);
    }
    return Malformed();
  }

  absl::string_view text_;
};

// Returns whether it is 8 to 15, without leading zeros (RFC 7692 section 7.1.2).
bool IsWindow(absl::string_view value) {
  if (value.size() == 1) return value == "8" || value == "9";
  return value.size() == 2 && value[0] == '1' && value[1] >= '0' && value[1] <= '5';
}

// Returns the answer, or nothing if the offer is declined.
std::optional<std::string> Accept(const Extension& offer) {
  if (offer.name != "permessage-deflate") return std::nullopt;
  std::string answer = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
  std::set<absl::string_view> seen;
  for (const Parameter& parameter : offer.parameters) {
    if (!seen.insert(parameter.name).second) return std::nullopt;
    if (parameter.name == "server_no_context_takeover" || parameter.name == "client_no_context_takeover") {
      if (parameter.value) return std::nullopt;
    } else if (parameter.name == "client_max_window_bits") {
      // The client may use less than the 15 that we read.
      if (parameter.value && !IsWindow(*parameter.value)) return std::nullopt;
    } else if (parameter.name == "server_max_window_bits") {
      if (parameter.value != "15") return std::nullopt;
      absl::StrAppend(&answer, "; server_max_window_bits=15");
    } else {
      return std::nullopt;
    }
  }
  return answer;
}

}  // namespace

absl::StatusOr<std::string> AnswerDeflateOffers(absl::string_view offers) {
  ASSIGN_OR_RETURN(const std::vector<Extension> extensions, HeaderReader(offers).Read());
  for (const Extension& extension : extensions) {
    if (std::optional<std::string> answer = Accept(extension)) return *std::move(answer);
  }
  return std::string();
}

}  // namespace atrium
