#include "server/api/page_token.h"

#include <boost/crc.hpp>
#include <cstddef>
#include <cstdint>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "server/api/validate.h"
#include "server/common/errors.h"

namespace atrium {
namespace {

// Of the checksum, in hexadecimal digits.
constexpr size_t kSumDigits = 8;

uint32_t Checksum(const PagedList& list, absl::string_view last_id) {
  const std::string covered = absl::StrCat(static_cast<int>(list.kind), " ", list.of.size(), " ", list.of, last_id);
  boost::crc_32_type sum;
  sum.process_bytes(covered.data(), covered.size());
  return sum.checksum();
}

}  // namespace

std::string HistoryOf(absl::string_view room_id, const std::optional<v1::Position>& since) {
  // No id of a room has a space in it.
  return since ? absl::StrCat(room_id, " ", PositionText(*since)) : std::string(room_id);
}

std::string MakePageToken(const PagedList& list, absl::string_view last_id) {
  return absl::WebSafeBase64Escape(absl::StrCat(absl::Hex(Checksum(list, last_id), absl::kZeroPad8), last_id));
}

absl::StatusOr<std::string> ReadPageToken(const PagedList& list, const std::string& token) {
  if (token.empty()) return std::string();
  std::string read;
  if (absl::WebSafeBase64Unescape(token, &read) && read.size() >= kSumDigits) {
    std::string last_id = read.substr(kSumDigits);
    // Base64 can be written in several ways, of which one is ours.
    if (MakePageToken(list, last_id) == token) return last_id;
  }
  return InvalidField("pageToken", "must be a nextPageToken of an earlier answer to the same request");
}

}  // namespace atrium
