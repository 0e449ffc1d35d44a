// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * traced PROGRAM [ARGUMENT...]: runs it under ptrace like strace does: the program stops at the entry and at the return of
 * every system call, and its registers are read. Children are not followed. Exits with the program's exit status.
 */
#include <err.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int status;

	if (argc < 2)
		errx(2, "usage: traced PROGRAM [ARGUMENT...]");
	pid_t child = fork();

	if (child == 0) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		execvp(argv[1], argv + 1);
		err(127, "%s", argv[1]);
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		err(1, "%s", argv[1]);
	ptrace(PTRACE_SETOPTIONS, child, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
	while (WIFSTOPPED(status)) {
		struct user_regs_struct registers;
		int signal = WSTOPSIG(status);

		if (signal == (SIGTRAP | 0x80) || signal == SIGTRAP) {
			ptrace(PTRACE_GETREGS, child, 0, &registers);
			signal = 0;
		}
		ptrace(PTRACE_SYSCALL, child, 0, signal);
		if (waitpid(child, &status, 0) != child)
			err(1, "waitpid");
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
