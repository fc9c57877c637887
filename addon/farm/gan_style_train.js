// Flamenco 3 job type: trains the folder of a training, as Blender's panel Style Training makes it.
// Put it into the folder "scripts" beside flamenco-manager; see https://flamenco.blender.org/usage/job-types/
// The worker's machine needs a Python with PyTorch: Set Up Training in the add-on's preferences, or the variable GAN_STYLE_TRAINER.

const JOB_TYPE = {
    label: "GAN Style Training",
    description: "Train a style in the folder of a training, from painted frames or pictures",
    settings: [
        {
            key: "training", type: "string", subtype: "dir_path", required: true,
            eval: "abspath(C.scene.gan_style_training.folder)",
            evalInfo: { showLinkButton: true, description: "Folder of the scene's training" },
            description: "The training's folder, which the worker must reach",
        },
        { key: "minutes", type: "float", default: 30, propargs: { min: 0.1 }, description: "Length of a run" },
        {
            key: "device", type: "string", required: true, choices: ["cuda", "cpu", "auto"], default: "cuda", visible: "submission",
            description: "What trains",
        },
    ],
};

function compileJob(job) {
    const settings = job.settings;
    const task = author.Task("train", "blender");
    const asked = ["--minutes", String(settings.minutes), "--device", settings.device];
    task.addCommand(author.Command("exec", {
        exe: "{blender}",
        args: ["--command", "gan_style", "train", settings.training, ...asked],
    }));
    job.addTask(task);
}
