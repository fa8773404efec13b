#include "server/live/shards/socket.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>

namespace atrium {

size_t UnacknowledgedBytes(int descriptor) {
  int bytes = 0;
  if (ioctl(descriptor, SIOCOUTQ, &bytes) != 0 || bytes < 0) return 0;
  return static_cast<size_t>(bytes);
}

}  // namespace atrium
