#include "server/metrics/process_metrics.h"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <string>

#include "server/metrics/metric_families.h"

namespace atrium {
namespace {

// Returns the fields of /proc/self/stat behind the command's name, which may hold spaces.
std::vector<std::string> ReadStat() {
  std::ifstream file("/proc/self/stat");
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  std::vector<std::string> fields;
  size_t begin = text.rfind(')') + 2;
  while (begin < text.size()) {
    const size_t end = text.find(' ', begin);
    fields.push_back(text.substr(begin, end - begin));
    if (end == std::string::npos) break;
    begin = end + 1;
  }
  return fields;
}

double BootTime() {
  std::ifstream file("/proc/stat");
  std::string word;
  while (file >> word) {
    double seconds = 0;
    if (word == "btime" && file >> seconds) return seconds;
  }
  return 0;
}

double OpenFiles() {
  DIR* const directory = opendir("/proc/self/fd");
  if (directory == nullptr) return 0;
  int entries = 0;
  while (readdir(directory) != nullptr) ++entries;
  closedir(directory);
  return entries - 3;  // ".", ".." and the directory itself
}

}  // namespace

std::vector<prometheus::MetricFamily> ProcessMetrics() {
  using prometheus::MetricType;
  // These count from field 3 of proc(5): state is 0.
  constexpr size_t kUserTicks = 11, kSystemTicks = 12, kStartTicks = 19, kVirtualBytes = 20, kResidentPages = 21;
  const std::vector<std::string> stat = ReadStat();
  if (stat.size() <= kResidentPages) return {};
  const auto number = [&](size_t field) { return std::stod(stat[field]); };
  const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);

  std::vector<prometheus::MetricFamily> all;
  const auto add = [&](const char* name, const char* help, MetricType type, double value) {
    all.push_back(FamilyBuilder(name, help, type).Add({}, value).Take());
  };
  add("process_cpu_seconds_total", "User and system CPU time spent.", MetricType::Counter,
      (number(kUserTicks) + number(kSystemTicks)) / ticks);
  add("process_resident_memory_bytes", "Resident memory size.", MetricType::Gauge,
      number(kResidentPages) * static_cast<double>(sysconf(_SC_PAGESIZE)));
  add("process_virtual_memory_bytes", "Virtual memory size.", MetricType::Gauge, number(kVirtualBytes));
  add("process_open_fds", "Open file descriptors.", MetricType::Gauge, OpenFiles());
  add("process_max_fds", "Most file descriptors that may be open.", MetricType::Gauge,
      static_cast<double>(files.rlim_cur));
  add("process_start_time_seconds", "Start of the process, in seconds since the epoch.", MetricType::Gauge,
      BootTime() + number(kStartTicks) / ticks);
  return all;
}

}  // namespace atrium
