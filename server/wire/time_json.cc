#include "server/wire/time_json.h"

#include <charconv>
#include <chrono>
#include <cstdlib>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"

namespace atrium {
namespace {

constexpr int64_t kFirstSecond = -62'135'596'800;  // 0001-01-01T00:00:00Z
constexpr int64_t kLastSecond = 253'402'300'799;   // 9999-12-31T23:59:59Z
constexpr int64_t kMaxDurationSeconds = 315'576'000'000;

void PutDigits(char* to, int digits, int64_t number) {
  for (; digits > 0; number /= 10) to[--digits] = static_cast<char>('0' + number % 10);
}

void AppendPadded(std::string& out, int64_t number, int digits) {
  char text[9];
  PutDigits(text, digits, number);
  out.append(text, digits);
}

void AppendFraction(std::string& out, int nanos) {
  if (nanos == 0) return;
  out.push_back('.');
  if (nanos % 1'000'000 == 0) return AppendPadded(out, nanos / 1'000'000, 3);
  if (nanos % 1'000 == 0) return AppendPadded(out, nanos / 1'000, 6);
  AppendPadded(out, nanos, 9);
}

}  // namespace

void AppendTimestamp(std::string& out, const google::protobuf::Timestamp& time) {
  // This is written by hand, because every event carries a time and absl::FormatTime takes a microsecond.
  const std::chrono::sys_seconds second{std::chrono::seconds(time.seconds())};
  const auto day = std::chrono::floor<std::chrono::days>(second);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(second - day);
  char text[] = "YYYY-MM-DDThh:mm:ss";
  PutDigits(text, 4, int{date.year()});
  PutDigits(text + 5, 2, unsigned{date.month()});
  PutDigits(text + 8, 2, unsigned{date.day()});
  PutDigits(text + 11, 2, clock.hours().count());
  PutDigits(text + 14, 2, clock.minutes().count());
  PutDigits(text + 17, 2, clock.seconds().count());
  out.append(text, sizeof(text) - 1);
  AppendFraction(out, time.nanos());
  out.push_back('Z');
}

void AppendDuration(std::string& out, const google::protobuf::Duration& duration) {
  // -0.5s has no second to carry the sign.
  if (duration.seconds() < 0 || duration.nanos() < 0) out.push_back('-');
  absl::StrAppend(&out, std::abs(duration.seconds()));
  AppendFraction(out, std::abs(duration.nanos()));
  out.push_back('s');
}

bool ParseTimestamp(absl::string_view text, google::protobuf::Timestamp& time) {
  // ParseTime also takes white space and "infinite-past".
  if (text.empty() || !absl::ascii_isdigit(text.front()) || absl::ascii_isspace(text.back())) return false;
  absl::Time parsed;
  if (!absl::ParseTime(absl::RFC3339_full, text, &parsed, nullptr)) return false;
  const int64_t seconds = absl::ToUnixSeconds(parsed);
  if (seconds < kFirstSecond || seconds > kLastSecond) return false;
  time.set_seconds(seconds);
  time.set_nanos(static_cast<int32_t>((parsed - absl::FromUnixSeconds(seconds)) / absl::Nanoseconds(1)));
  return true;
}

bool ParseDuration(absl::string_view text, google::protobuf::Duration& duration) {
  if (!absl::ConsumeSuffix(&text, "s")) return false;
  const bool negative = absl::ConsumePrefix(&text, "-");
  int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || text.front() == '-' || seconds > kMaxDurationSeconds) return false;
  text.remove_prefix(end - text.data());

  int32_t nanos = 0;
  if (absl::ConsumePrefix(&text, ".")) {
    if (text.empty() || text.size() > 9) return false;
    for (int32_t place = 100'000'000; !text.empty(); place /= 10, text.remove_prefix(1)) {
      if (!absl::ascii_isdigit(text.front())) return false;
      nanos += (text.front() - '0') * place;
    }
  }
  if (!text.empty() || (seconds == kMaxDurationSeconds && nanos > 0)) return false;
  duration.set_seconds(negative ? -seconds : seconds);
  duration.set_nanos(negative ? -nanos : nanos);
  return true;
}

}  // namespace atrium
