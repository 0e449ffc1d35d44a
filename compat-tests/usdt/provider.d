provider web {
	probe request(int, char *);
	probe my__done();
	probe quiet();
};
