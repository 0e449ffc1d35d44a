/*
 * A device of the client's (dtrace_vopen): requests, CPUs and kernel addresses are its affair, and it loses data on demand.
 */
#include <errno.h>

#include "check.h"

#define EDT_DROPABORT	1056

#define HERE	0xffff800000001000ull

struct device {
	int requests, snapshots, drops;
	char options[4096];
};

static int
fail(int error)
{
	errno = error;
	return (-1);
}

/* The three probes that every device has. */
static int
find(dtrace_probedesc_t *d, int pattern)
{
	static const char *names[] = { "", "BEGIN", "END", "ERROR" };

	for (unsigned id = d->dtpd_id == 0 ? 1 : d->dtpd_id; id <= 3; id++) {
		if (pattern && d->dtpd_provider[0] != '\0' && strcmp(d->dtpd_provider, "dtrace") != 0)
			break;
		if (pattern && d->dtpd_name[0] != '\0' && strcmp(d->dtpd_name, names[id]) != 0)
			continue;
		memset(d, 0, sizeof (*d));
		d->dtpd_id = id;
		strcpy(d->dtpd_provider, "dtrace");
		strcpy(d->dtpd_name, names[id]);
		return (0);
	}
	return (fail(ESRCH));
}

/* One record of 8 bytes of the enabled probe 1, once. */
static int
snapshot(struct device *dev, dtrace_bufdesc_t *b)
{
	struct {
		uint32_t epid, pad;
		uint64_t number;
	} record = { 1, 0, 4711 };

	CHECK(b->dtbd_cpu == 0 || b->dtbd_cpu == 2);
	b->dtbd_size = b->dtbd_oldest = b->dtbd_drops = b->dtbd_errors = 0;
	if (b->dtbd_cpu == 0 && dev->snapshots++ == 0) {
		memcpy(b->dtbd_data, &record, sizeof (record));
		b->dtbd_size = sizeof (record);
		b->dtbd_drops = dev->drops;
	}
	return (0);
}

static int
device_ioctl(void *arg, int request, void *data)
{
	struct device *dev = arg;

	dev->requests++;
	switch ((unsigned)request) {
	case DTRACEIOC_CONF: {
		dtrace_conf_t *conf = data;

		memset(conf, 0, sizeof (*conf));
		conf->dtc_difversion = DIF_VERSION;
		conf->dtc_difintregs = DIF_DIR_NREGS;
		conf->dtc_diftupregs = DIF_DTR_NREGS;
		return (0);
	}
	case DTRACEIOC_PROBES:
		return (find(data, 0));
	case DTRACEIOC_PROBEMATCH:
		return (find(data, 1));
	case DTRACEIOC_PROVIDER:
		return (0);
	case DTRACEIOC_PROBEARG:
		((dtrace_argdesc_t *)data)->dtargd_ndx = DTRACE_ARGNONE;
		return (0);
	case DTRACEIOC_ENABLE: {
		dof_hdr_t *dof = data;

		CHECK(memcmp(dof->dofh_ident, "\177DOF", 4) == 0 && dof->dofh_loadsz <= sizeof (dev->options));
		memcpy(dev->options, dof, dof->dofh_loadsz);
		return (1);
	}
	case DTRACEIOC_DOFGET: {
		/* The options come last before GO: as they were asked for, so they are. */
		uint64_t room = ((dof_hdr_t *)data)->dofh_loadsz, size = ((dof_hdr_t *)dev->options)->dofh_loadsz;

		memcpy(data, dev->options, size < room ? size : room);
		return (0);
	}
	case DTRACEIOC_GO:
	case DTRACEIOC_STOP:
		*(uint32_t *)data = 0;
		return (0);
	case DTRACEIOC_STATUS: {
		dtrace_status_t *status = data;

		memset(status, 0, sizeof (*status));
		status->dtst_dyndrops = dev->drops == 0 ? 0 : 2;
		status->dtst_exiting = 1;
		return (0);
	}
	case DTRACEIOC_AGGSNAP:
		((dtrace_bufdesc_t *)data)->dtbd_size = 0;
		return (0);
	case DTRACEIOC_BUFSNAP:
		return (snapshot(dev, data));
	case DTRACEIOC_EPROBE: {
		dtrace_eprobedesc_t *e = data;

		if (e->dtepd_epid != 1)
			return (fail(EINVAL));
		if (e->dtepd_nrecs >= 1) {
			memset(&e->dtepd_rec[0], 0, sizeof (dtrace_recdesc_t));
			e->dtepd_rec[0].dtrd_action = DTRACEACT_DIFEXPR;
			e->dtepd_rec[0].dtrd_size = 8;
			e->dtepd_rec[0].dtrd_offset = 8;
		}
		e->dtepd_probeid = 1;
		e->dtepd_size = 16;
		e->dtepd_nrecs = 1;
		return (0);
	}
	default:
		return (fail(ENOTTY));
	}
}

static int
device_lookup(void *arg, GElf_Addr address, GElf_Sym *sym, dtrace_syminfo_t *info)
{
	CHECK(((struct device *)arg)->requests > 0);
	if (address < HERE || address >= HERE + 16)
		return (-1);
	memset(sym, 0, sizeof (*sym));
	sym->st_value = HERE;
	sym->st_size = 16;
	info->dts_object = "device";
	info->dts_name = "here";
	info->dts_id = 3;
	return (0);
}

/* CPUs 0 and 2 of four. */
static int
device_status(void *arg, int cpu)
{
	CHECK(arg != NULL && cpu >= 0 && cpu < 4);
	return (cpu == 0 || cpu == 2 ? 0 : -1);
}

static long
device_sysconf(void *arg, int name)
{
	(void) name;
	CHECK(arg != NULL);
	return (4);
}

static const dtrace_vector_t vector = { device_ioctl, device_lookup, device_status, device_sysconf };

static int
lost(const dtrace_dropdata_t *data, void *arg)
{
	CHECK(data->dtdda_handle != NULL);
	if (data->dtdda_kind == DTRACEDROP_PRINCIPAL) {
		CHECK(data->dtdda_cpu == 0 && data->dtdda_drops == 5 && data->dtdda_total == 5);
		SAME(data->dtdda_msg, "5 drops on CPU 0\n");
		*(int *)arg += 10;
	} else {
		CHECK(data->dtdda_kind == DTRACEDROP_DYNAMIC && data->dtdda_cpu == DTRACE_CPUALL && data->dtdda_drops == 2);
		SAME(data->dtdda_msg, "2 dynamic variable drops\n");
		*(int *)arg += 1;
	}
	return (DTRACE_HANDLE_OK);
}

static int
each_record(const dtrace_probedata_t *data, const dtrace_recdesc_t *rec, void *arg)
{
	(void) arg;
	CHECK(data->dtpda_cpu == 0);
	return (rec == NULL ? DTRACE_CONSUME_NEXT : DTRACE_CONSUME_THIS);
}

/* A handle on the device that is tracing. */
static dtrace_hdl_t *
tracing(struct device *dev)
{
	int err = 0;
	dtrace_hdl_t *h = dtrace_vopen(DTRACE_VERSION, 0, &err, &vector, dev);

	CHECK(h != NULL && dev->requests > 0);
	CHECK(dtrace_setopt(h, "bufsize", "4k") == 0 && dtrace_setopt(h, "aggsize", "4k") == 0);
	enabled(h, "BEGIN { trace(1); }");
	WORKS(h, dtrace_go(h) == 0);
	return (h);
}

int
main(void)
{
	struct device dev = { .drops = 0 }, lossy = { .drops = 5 }, unheard = { .drops = 5 };
	dtrace_vector_t none = vector;
	GElf_Sym sym;
	dtrace_syminfo_t info;
	FILE *out = tmpfile();
	char text[64];
	int err = 0, count = 0;

	CHECK(dtrace_vopen(DTRACE_VERSION, 0, &err, NULL, &dev) == NULL && err == EINVAL);
	none.dtv_ioctl = NULL;
	CHECK(dtrace_vopen(DTRACE_VERSION, 0, &err, &none, &dev) == NULL && err == EINVAL);

	dtrace_hdl_t *h = tracing(&dev);

	CHECK(dtrace_ctlfd(h) == -1);
	WORKS(h, dtrace_work(h, out, NULL, each_record, NULL) == DTRACE_WORKSTATUS_DONE);
	SAME(written(out), "             4711");
	WORKS(h, dtrace_lookup_by_addr(h, HERE + 8, &sym, &info) == 0);
	SAME(info.dts_name, "here");
	CHECK(sym.st_value == HERE && info.dts_id == 3);
	CHECK(dtrace_lookup_by_addr(h, 16, &sym, &info) == -1);
	CHECK(dtrace_addr2str(h, HERE + 8, text, sizeof (text)) == (int)strlen("device`here+0x8"));
	SAME(text, "device`here+0x8");
	CHECK(dtrace_addr2str(h, 16, text, sizeof (text)) == 4);
	dtrace_close(h);

	h = tracing(&lossy);
	CHECK(dtrace_handle_drop(h, lost, &count) == 0);
	CHECK(dtrace_handle_drop(h, lost, &count) == -1 && dtrace_errno(h) == EALREADY);
	WORKS(h, dtrace_work(h, out, NULL, each_record, NULL) == DTRACE_WORKSTATUS_DONE);
	CHECK(count == 11);
	dtrace_close(h);

	/* Nobody hears of it: it ends consumption. */
	h = tracing(&unheard);
	CHECK(dtrace_work(h, out, NULL, each_record, NULL) == -1 && dtrace_errno(h) == EDT_DROPABORT);
	SAME(dtrace_errmsg(h, dtrace_errno(h)), "Abort due to drop");
	dtrace_close(h);
	fclose(out);
	return (0);
}
