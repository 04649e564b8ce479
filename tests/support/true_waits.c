/* Waits that last as long as they are told under libfaketime 0.9.10; loaded before it.
 *
 * It replaces pthread_cond_timedwait, but not cnd_timedwait, with which librdkafka waits: times of two clocks would be compared. glibc's
 * C11 objects are its POSIX ones, so the call goes on to the replaced one. And it moves the absolute times of clock_nanosleep by the offset
 * even of the monotonic clock, which it is told to leave alone and by which Python sleeps: that call goes to the kernel.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

int cnd_timedwait(cnd_t *restrict cond, mtx_t *restrict mutex, const struct timespec *restrict until)
{
    int found = pthread_cond_timedwait((pthread_cond_t *)cond, (pthread_mutex_t *)mutex, until);
    return found == 0 ? thrd_success : found == ETIMEDOUT ? thrd_timedout : thrd_error;
}

int clock_nanosleep(clockid_t clock, int flags, const struct timespec *wanted, struct timespec *left)
{
    return syscall(SYS_clock_nanosleep, clock, flags, wanted, left) == 0 ? 0 : errno;
}
