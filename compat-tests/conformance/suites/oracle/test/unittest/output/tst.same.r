                   FUNCTION:NAME
                          :BEGIN           7  seven                            

-- @@stderr --
dtrace: script 'test/unittest/output/tst.same.d' matched 1 probe
