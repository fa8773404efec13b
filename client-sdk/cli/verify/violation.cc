#include "client-sdk/cli/verify/violation.h"

#include <algorithm>
#include <boost/json/serialize.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client-sdk/cli/format.h"

namespace atrium::verify {
namespace {

constexpr size_t kLongestLine = 600;

std::string Text(const Position& position) { return absl::StrCat(position.epoch, ":", position.offset); }

std::string Text(const Call& call) {
  std::string text;
  switch (call.kind) {
    case Call::Kind::kEmit: text = "emit "; break;
    case Call::Kind::kSetState: text = "set state "; break;
    case Call::Kind::kMethod: text = "call method "; break;
    case Call::Kind::kJoin: text = "join "; break;
    case Call::Kind::kLeave: text = "leave "; break;
  }
  absl::StrAppend(&text, call.marker);
  if (!call.member_id.empty()) absl::StrAppend(&text, " as ", call.member_id);
  if (!call.to.empty()) absl::StrAppend(&text, " to ", absl::StrJoin(call.to, ","));
  if (!call.exclude.empty()) absl::StrAppend(&text, " excluding ", absl::StrJoin(call.exclude, ","));
  if (call.include_self) absl::StrAppend(&text, " including itself");
  if (!call.key.empty()) absl::StrAppend(&text, " with key ", call.key);
  if (call.expected_offset) absl::StrAppend(&text, " if unchanged since ", *call.expected_offset);
  return text;
}

struct Describe {
  std::string operator()(const Asked& asked) const { return absl::StrCat("asks    ", Text(asked.what)); }
  std::string operator()(const Answered& answer) const {
    if (answer.in_doubt) return absl::StrCat("        no answer: ", answer.status.message());
    if (!answer.status.ok()) return absl::StrCat("        refused: ", answer.status.message());
    return absl::StrCat("        done", answer.position ? " at " + Text(*answer.position) : "");
  }
  std::string operator()(const Entered& entered) const {
    if (entered.recovered) {
      return absl::StrCat("enters  recovered at ", Text(entered.position), ", as ", entered.member_id);
    }
    return absl::StrCat("enters  at ", Text(entered.position),
                        entered.member_id.empty() ? "" : " as " + entered.member_id, ", members ", entered.members,
                        entered.state ? ", state " + json::serialize(*entered.state) : "");
  }
  std::string operator()(const Saw& saw) const { return absl::StrCat("sees    ", cli::Text(*saw.frame, "")); }
  std::string operator()(const Knows& knows) const {
    return absl::StrCat("knows   all up to ", Text(knows.position),
                        knows.state ? ", state " + json::serialize(*knows.state) : "");
  }
  std::string operator()(const Exited&) const { return "is out"; }
  std::string operator()(const LostConnection&) const { return "loses its connection"; }
  std::string operator()(const Reconnected& back) const {
    return back.resumed ? "is back, resumed" : "is back, with a new session";
  }
};

}  // namespace

const char* Text(Promise promise) {
  switch (promise) {
    case Promise::kOneOrder: return "one order: an offset is the same frame for everybody";
    case Promise::kNoGap: return "no gap: each gets all that is for it";
    case Promise::kNoDuplicate: return "no duplicate: nobody gets a frame twice";
    case Promise::kEqualState: return "equal state at equal offset";
    case Promise::kAcknowledged: return "what was acknowledged is there";
    case Promise::kOnce: return "what was repeated with its key is there once";
    case Promise::kConditional: return "of conditional writes on one offset one wins";
    case Promise::kCapacity: return "never more members than seats";
    case Promise::kPrivate: return "nobody gets what is not for it";
    case Promise::kRecovery: return "who comes back goes on where it was";
    case Promise::kDurable: return "a durable room keeps its epoch";
  }
  return "";
}

std::string Text(const History& history, const Violation& violation) {
  std::string text =
      absl::StrCat("BROKEN  ", Text(violation.promise), "\n  room ", violation.room, ": ", violation.what, "\n");
  std::vector<size_t> records = violation.records;
  std::sort(records.begin(), records.end());
  records.erase(std::unique(records.begin(), records.end()), records.end());
  for (const size_t index : records) {
    const Record& record = history.records[index];
    std::string line = absl::StrCat("    #", index, "  ", history.clients[static_cast<size_t>(record.client)], "  ",
                                    std::visit(Describe(), record.what));
    if (line.size() > kLongestLine) line = absl::StrCat(line.substr(0, kLongestLine), "...");
    absl::StrAppend(&text, line, "\n");
  }
  return text;
}

}  // namespace atrium::verify
