/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * DOF images made by hand (contract 2.3), for programs that talk to the driver without libdtrace.
 *
 *	image_begin(&image);
 *	image_clause(&image, "syscall", "x64", "getppid", "entry", IMAGE_TRACE | IMAGE_COUNT);
 *	image_option(&image, DTRACEOPT_BUFSIZE, 65536);
 *	image_end(&image);
 *
 * A clause with both parts is { trace(arg0); @[pid] = count(); }: its record is the EPID at 0 and arg0 at 8, 16 bytes in
 * all, and the aggregation's is the id at 0, pid at 4 and the count at 8. The other parts are trace(execname) and jstack().
 */
#ifndef IMAGE_H
#define IMAGE_H

#include <stdint.h>
#include <string.h>
#include <sys/dtrace.h>

enum {
	/* The driver takes no image that is larger. */
	IMAGE_ROOM = 256 * 1024,
	/* The section headers there is room for; a clause takes up to 10. */
	IMAGE_SECTIONS = 64,
	IMAGE_OPTIONS = DTRACEOPT_MAX,

	IMAGE_TRACE = 1,
	IMAGE_COUNT = 2,
	IMAGE_JSTACK = 4,
	IMAGE_EXECNAME = 8,
};

struct image {
	size_t size;
	int noptions;
	dof_optdesc_t options[IMAGE_OPTIONS];
	_Alignas(8) unsigned char bytes[IMAGE_ROOM];
};

/* Appends a section and its contents, and answers its index. */
static inline uint32_t image_section(struct image *image, uint32_t type, uint32_t align, uint32_t entsize,
				     const void *data, size_t size)
{
	dof_hdr_t *header = (dof_hdr_t *)image->bytes;
	dof_sec_t *sections = (dof_sec_t *)(image->bytes + sizeof(*header));

	image->size = (image->size + align - 1) / align * align;
	sections[header->dofh_secnum] = (dof_sec_t){ .dofs_type = type, .dofs_align = align, .dofs_flags = DOF_SECF_LOAD,
		.dofs_entsize = entsize, .dofs_offset = image->size, .dofs_size = size };
	memcpy(image->bytes + image->size, data, size);
	image->size += size;
	return header->dofh_secnum++;
}

static inline void image_begin(struct image *image)
{
	dof_hdr_t *header = (dof_hdr_t *)image->bytes;

	image->noptions = 0;
	memset(image->bytes, 0, sizeof(*header) + IMAGE_SECTIONS * sizeof(dof_sec_t));
	memcpy(header->dofh_ident, (const unsigned char[DOF_ID_SIZE]){ DOF_MAG_MAG0, DOF_MAG_MAG1, DOF_MAG_MAG2, DOF_MAG_MAG3,
		DOF_MODEL_LP64, DOF_ENCODE_LSB, DOF_VERSION, 2, 8, 8 }, DOF_ID_SIZE);
	header->dofh_hdrsize = sizeof(dof_hdr_t);
	header->dofh_secsize = sizeof(dof_sec_t);
	header->dofh_secoff = sizeof(dof_hdr_t);
	image->size = sizeof(dof_hdr_t) + IMAGE_SECTIONS * sizeof(dof_sec_t);
}

/* An expression that is one variable: a number of `size` bytes, or with none a string. */
static inline uint32_t image_variable(struct image *image, uint32_t variable, uint32_t size)
{
	const uint32_t text[] = { DIF_OP_LDGS << 24 | variable << 8 | 1, DIF_OP_RET << 24 | 1 };
	uint32_t dif = image_section(image, DOF_SECT_DIF, 4, 4, text, sizeof(text));
	struct {
		dtrace_diftype_t type;
		dof_secidx_t links[1];
	} difo = { .type = { .dtdt_kind = DIF_TYPE_CTF, .dtdt_ckind = 1, .dtdt_size = size }, .links = { dif } };

	if (size == 0)
		difo.type = (dtrace_diftype_t){ .dtdt_kind = DIF_TYPE_STRING, .dtdt_flags = DIF_TF_BYREF };
	return image_section(image, DOF_SECT_DIFOHDR, 4, 0, &difo, sizeof(difo));
}

static inline void image_clause(struct image *image, const char *provider, const char *module,
				const char *function, const char *name, int parts)
{
	char names[256] = "";
	size_t end = 1;
	dof_stridx_t at[4];
	const char *words[4] = { provider, module, function, name };
	dof_actdesc_t actions[5];
	int n = 0;

	for (int i = 0; i < 4; i++) {
		size_t length = strlen(words[i]) + 1;

		at[i] = (dof_stridx_t)end;
		memcpy(names + end, words[i], length);
		end += length;
	}
	uint32_t strings = image_section(image, DOF_SECT_STRTAB, 1, 0, names, end);
	uint32_t probe = image_section(image, DOF_SECT_PROBEDESC, 4, 0, &(dof_probedesc_t){ .dofp_strtab = strings,
		.dofp_provider = at[0], .dofp_mod = at[1], .dofp_func = at[2], .dofp_name = at[3] }, sizeof(dof_probedesc_t));

	if (parts & IMAGE_TRACE)
		actions[n++] = (dof_actdesc_t){ .dofa_difo = image_variable(image, DIF_VAR_ARG0, 8),
			.dofa_strtab = DOF_SECIDX_NONE, .dofa_kind = DTRACEACT_DIFEXPR };
	if (parts & IMAGE_EXECNAME)
		actions[n++] = (dof_actdesc_t){ .dofa_difo = image_variable(image, DIF_VAR_EXECNAME, 0),
			.dofa_strtab = DOF_SECIDX_NONE, .dofa_kind = DTRACEACT_DIFEXPR };
	if (parts & IMAGE_JSTACK)
		actions[n++] = (dof_actdesc_t){ .dofa_difo = DOF_SECIDX_NONE, .dofa_strtab = DOF_SECIDX_NONE,
			.dofa_kind = DTRACEACT_JSTACK, .dofa_arg = 512ULL << 32 | 20 };
	if (parts & IMAGE_COUNT) {
		actions[n++] = (dof_actdesc_t){ .dofa_difo = image_variable(image, DIF_VAR_PID, 4),
			.dofa_strtab = DOF_SECIDX_NONE, .dofa_kind = DTRACEACT_DIFEXPR };
		actions[n++] = (dof_actdesc_t){ .dofa_difo = DOF_SECIDX_NONE, .dofa_strtab = DOF_SECIDX_NONE,
			.dofa_kind = DTRACEAGG_COUNT, .dofa_ntuple = 1, .dofa_uarg = 1 };
	}
	uint32_t action = DOF_SECIDX_NONE;

	if (n > 0)
		action = image_section(image, DOF_SECT_ACTDESC, 8, sizeof(dof_actdesc_t), actions,
			(size_t)n * sizeof(dof_actdesc_t));
	image_section(image, DOF_SECT_ECBDESC, 8, 0, &(dof_ecbdesc_t){ .dofe_probes = probe, .dofe_pred = DOF_SECIDX_NONE,
		.dofe_actions = action }, sizeof(dof_ecbdesc_t));
}

static inline void image_option(struct image *image, uint32_t option, uint64_t value)
{
	if (image->noptions < IMAGE_OPTIONS)
		image->options[image->noptions++] = (dof_optdesc_t){ .dofo_option = option, .dofo_strtab = DOF_SECIDX_NONE,
			.dofo_value = value };
}

static inline void image_end(struct image *image)
{
	dof_hdr_t *header = (dof_hdr_t *)image->bytes;

	if (image->noptions > 0)
		image_section(image, DOF_SECT_OPTDESC, 8, sizeof(dof_optdesc_t), image->options,
			(size_t)image->noptions * sizeof(dof_optdesc_t));
	header->dofh_loadsz = header->dofh_filesz = image->size;
}

#endif
