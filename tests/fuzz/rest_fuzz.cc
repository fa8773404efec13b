// Feeds requests to the REST transcoder, against all annotated methods: each becomes a call of a method or an error
// that says what is wrong, and where. A line of method and target, one of headers, then the body.
#include <google/protobuf/stubs/logging.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "server/http/rest_transcoder.h"
#include "tests/http/fake_rpcs.h"

namespace atrium {
namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

class NoTransport final : public Observer::Transport {
  void OnReady() override {}
};

// An error names its reason, and the field if one is at fault.
void CheckError(const HttpResponse& response) {
  const absl::StatusOr<json::value> error = ParseJson(response.body);
  Require(error.ok());
  Require(!error->at("message").as_string().empty());
  const json::array& details = error->at("details").as_array();
  const json::string& reason = details.at(0).at("reason").as_string();
  Require(!reason.empty());
  if (reason == "INVALID_FIELD") Require(!details.at(1).at("fieldViolations").at(0).at("field").as_string().empty());
}

void Check(absl::string_view input) {
  static FakeRpcs rpcs;
  static const RestTranscoder transcoder = *RestTranscoder::Create(rpcs.table(), rpcs.streams(), AllServices());
  const std::vector<std::string> parts = absl::StrSplit(input, absl::MaxSplits('\n', 2));
  const std::pair<std::string, std::string> first = absl::StrSplit(parts[0], absl::MaxSplits(' ', 1));
  // The HTTP parser lets no others through.
  const auto printable = [](unsigned char c) { return c > ' ' && c < 0x7f; };
  if (!std::all_of(first.first.begin(), first.first.end(), printable)) return;
  HttpRequest request{.method = first.first, .target = first.second, .content_type = "application/json"};
  if (parts.size() > 1) {
    const std::vector<std::string> headers = absl::StrSplit(parts[1], '|');
    if (!headers[0].empty()) request.content_type = headers[0];
    if (headers.size() > 1) request.accept = headers[1];
    if (headers.size() > 2) request.last_event_id = headers[2];
  }
  if (parts.size() > 2) request.body = parts[2];

  const int calls = rpcs.calls();
  int answers = 0;
  HttpResponse response;
  transcoder.Handle([](const Credentials&) { return Caller::Service(); }, request,
                    [&](HttpResponse answer) {
                      ++answers;
                      response = std::move(answer);
                    });
  Require(answers == 1);
  NoTransport transport;
  if (response.stream != nullptr) response.stream->start(0, transport);
  if (response.status == 200) {
    Require(rpcs.calls() == calls + 1);
    Require(response.stream != nullptr || ParseJson(response.body, kMaxDocumentDepth).ok());
  } else {
    Require(rpcs.calls() == calls);
    Require(response.status >= 400 && response.status < 500);
    CheckError(response);
  }
}

}  // namespace
}  // namespace atrium

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  google::protobuf::SetLogHandler(nullptr);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  atrium::Check(absl::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
