/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * A stand-in for the helper device, to be preloaded: it says what programs bring and take back. Of each probe it says whether
 * there is one at the place that the image names, which is where the driver would put it.
 */
#define	_GNU_SOURCE
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <sys/dtrace.h>

#define	DEVICE	"/dev/dtrace_helper"

static int device = -1;

int
open(const char *path, int flags, ...)
{
	va_list rest;
	int mode;

	va_start(rest, flags);
	mode = va_arg(rest, int);
	va_end(rest);
	if (strcmp(path, DEVICE) == 0)
		return (device = (int)syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDWR, 0));
	return ((int)syscall(SYS_openat, AT_FDCWD, path, flags, mode));
}

static const void *
section(const dof_hdr_t *dof, uint32_t number)
{
	const dof_sec_t *sections = (const void *)((const char *)dof + dof->dofh_secoff);

	return ((const char *)dof + sections[number].dofs_offset);
}

static void
places(const char *kind, uint64_t address, const uint32_t *offsets, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		const unsigned char *at = (const unsigned char *)(uintptr_t)(address + offsets[i]);

		/* A no-operation, or a return. */
		fprintf(stderr, " %s%s", kind, *at == 0x90 ? "" : *at == 0xc3 ? "-return" : "-BAD");
	}
}

static int
add(const dof_helper_t *helper)
{
	const dof_hdr_t *dof = (const void *)(uintptr_t)helper->dofhp_dof;
	const dof_sec_t *sections = (const void *)((const char *)dof + dof->dofh_secoff);

	fprintf(stderr, "add %s\n", helper->dofhp_mod);
	for (uint32_t i = 0; i < dof->dofh_secnum; i++) {
		const dof_provider_t *provider = section(dof, i);
		const char *strings;

		if (sections[i].dofs_type != DOF_SECT_PROVIDER)
			continue;
		strings = section(dof, provider->dofpv_strtab);
		for (uint64_t n = 0; n < sections[provider->dofpv_probes].dofs_size / sizeof (dof_probe_t); n++) {
			const dof_probe_t *probe = (const dof_probe_t *)section(dof, provider->dofpv_probes) + n;
			const uint32_t *offsets = section(dof, provider->dofpv_proffs);
			uint64_t address = probe->dofpr_addr + helper->dofhp_addr;

			fprintf(stderr, "%s:%s:%s", strings + provider->dofpv_name, strings + probe->dofpr_func,
			    strings + probe->dofpr_name);
			places("fires", address, offsets + probe->dofpr_offidx, probe->dofpr_noffs);
			if (probe->dofpr_nenoffs != 0) {
				offsets = section(dof, provider->dofpv_prenoffs);
				places("asks", address, offsets + probe->dofpr_enoffidx, probe->dofpr_nenoffs);
			}
			fprintf(stderr, "\n");
		}
	}
	return (7);
}

int
ioctl(int file, unsigned long request, ...)
{
	va_list rest;
	void *argument;

	va_start(rest, request);
	argument = va_arg(rest, void *);
	va_end(rest);
	if (file != device || device < 0)
		return ((int)syscall(SYS_ioctl, file, request, argument));
	if (request == DTRACEHIOC_ADDDOF)
		return (add(argument));
	if (request == DTRACEHIOC_REMOVE) {
		fprintf(stderr, "remove %d\n", (int)(intptr_t)argument);
		return (0);
	}
	fprintf(stderr, "request %lx\n", request);
	return (-1);
}
