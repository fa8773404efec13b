#include "tests/bench/joins.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/bench/rounds.h"
#include "tests/bench/sessions.h"

namespace atrium::bench {
namespace {

using JoinAll = Traffic (Sessions::*)(const std::string& room, int count);

void MeasureKind(Sessions& sessions, const char* kind, const std::string& room, JoinAll join, int few, int rounds,
                 std::vector<Figure>& figures) {
  const int many = sessions.count();
  int rooms = 0;
  const auto run = [&](int count) { return (sessions.*join)(absl::StrCat(room, ++rooms), count); };
  const auto per_second = [](const Traffic& traffic, int count) { return count / absl::ToDoubleSeconds(traffic.cpu); };
  const auto bytes_each = [](const Traffic& traffic, int count) { return static_cast<double>(traffic.bytes) / count; };
  run(few);
  const std::string name = absl::StrCat(", ", kind, ", ", many, " beside ", few);
  Figure rate("joins per CPU second" + name);
  Figure bytes("bytes to each joiner" + name);
  Traffic of_many;
  Traffic of_few;
  Alternate(
      rounds, [&] { of_many = run(many); }, [&] { of_few = run(few); },
      [&] {
        rate.Add(per_second(of_many, many), per_second(of_few, few));
        bytes.Add(bytes_each(of_many, many), bytes_each(of_few, few));
      });
  figures.push_back(std::move(rate));
  figures.push_back(std::move(bytes));
}

}  // namespace

std::vector<Figure> MeasureJoins(Loop& loop, const ChildProcess& server, int many, int few, int rounds) {
  Sessions sessions(loop, server, many);
  std::vector<Figure> figures;
  MeasureKind(sessions, "untyped", "bench-joins-", &Sessions::Join, few, rounds, figures);
  MeasureKind(sessions, "typed", "list:joins-", &Sessions::BringIn, few, rounds, figures);
  return figures;
}

}  // namespace atrium::bench
