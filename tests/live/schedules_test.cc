// Random schedules of rooms, sessions and services, against a plain model of each. On a failure the seed and what
// happened are printed.
//
//   ATRIUM_SCHEDULE_SEED=4711  runs that one
//   ATRIUM_SCHEDULES=1000000   runs so many; the default is 10,000, under a sanitizer 1,000
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "absl/strings/numbers.h"
#include "absl/strings/str_join.h"
#include "tests/live/schedule.h"

namespace atrium::testing {
namespace {

uint64_t FromEnvironment(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  if (text == nullptr) return otherwise;
  uint64_t number = 0;
  EXPECT_TRUE(absl::SimpleAtoi(text, &number)) << name << " must be a number";
  return number;
}

// Of the schedule that runs: one that crashes tells it too.
volatile uint64_t running_seed = 0;

void TellTheSeed(int signal) {
  char text[64];
  const int size = std::snprintf(text, sizeof text, "\nATRIUM_SCHEDULE_SEED=%llu\n", (unsigned long long)running_seed);
  if (write(STDERR_FILENO, text, static_cast<size_t>(size)) < 0) std::_Exit(1);
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

TEST(SchedulesTest, RandomSchedulesKeepWhatRoomsPromise) {
  const bool one = std::getenv("ATRIUM_SCHEDULE_SEED") != nullptr;
  const uint64_t first = FromEnvironment("ATRIUM_SCHEDULE_SEED", 1);
  const uint64_t count = one ? 1 : FromEnvironment("ATRIUM_SCHEDULES", ATRIUM_SCHEDULES);
  for (const int signal : {SIGSEGV, SIGABRT}) std::signal(signal, TellTheSeed);
  for (uint64_t seed = first; seed < first + count; ++seed) {
    running_seed = seed;
    Schedule schedule(seed);
    const std::vector<std::string>& complaints = schedule.Run();
    ASSERT_TRUE(complaints.empty() && !::testing::Test::HasFailure())
        << "ATRIUM_SCHEDULE_SEED=" << seed << " (after " << seed - first + 1 << " schedules)\n"
        << absl::StrJoin(complaints, "\n") << "\n\n"
        << schedule.history();
  }
}

}  // namespace
}  // namespace atrium::testing
