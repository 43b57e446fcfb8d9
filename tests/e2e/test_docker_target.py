import time
from docker_project import staged, tag_of, images_are_removed

def test_x(tmp_path):
    t=time.time()
    with staged(tmp_path, releases=2) as hosted:
        print("staged", time.time()-t); t=time.time()
        hosted.assert_live(tag_of(2))
        hosted.repo.delete_tag(tag_of(2))
        with hosted.asked() as a:
            f = hosted.deploy()
        print(f.stderr, f.stdout, time.time()-t); t=time.time()
        print(a)
        hosted.assert_live(tag_of(1))
        for v in ("status","history","verify"):
            f = hosted.deploy(v)
            print(f.stdout, f.stderr)
        print(time.time()-t); t=time.time()
    print("stop", time.time()-t)
