// Flamenco 3 job type: checks a shot, then renders it in chunks of frames with its GAN Style nodes.
// Put it into the folder "scripts" beside flamenco-manager; see https://flamenco.blender.org/usage/job-types/

const JOB_TYPE = {
    label: "GAN Style Render",
    description: "Render a shot whose compositor has GAN Style nodes; each machine first checks that it can",
    settings: [
        {
            key: "frames", type: "string", required: true, eval: "f'{C.scene.frame_start}-{C.scene.frame_end}'",
            evalInfo: { showLinkButton: true, description: "Frame range of the scene" },
            description: "Frames to render, like 1-240 or 1-9,20",
        },
        {
            key: "chunk_size", type: "int32", default: 10, propargs: { min: 1 }, visible: "submission",
            description: "Frames that one Blender renders",
        },
        {
            key: "render_output_root", type: "string", subtype: "dir_path", required: true, visible: "submission",
            description: "Folder of the job's output",
        },
        {
            key: "render_output_path", type: "string", subtype: "file_path", editable: false,
            eval: "str(Path(abspath(settings.render_output_root), jobname, '{timestamp}', '######'))",
            description: "Where the frames go",
        },
        {
            key: "device", type: "string", required: true, choices: ["cuda", "webgpu", "cpu"], default: "cuda", visible: "submission",
            description: "What runs the generators of the whole shot; GPUs and CPUs do not give the same bits",
        },
        { key: "blendfile", type: "string", required: true, visible: "web", description: "The shot" },
    ],
};

function compileJob(job) {
    const check = author.Task("check", "blender");
    check.addCommand(checkCommand(job.settings));
    job.addTask(check);
    for (const chunk of frameChunker(job.settings.frames, job.settings.chunk_size)) {
        const task = author.Task(`render-${chunk}`, "blender");
        // Without the add-on, Blender would write plain or black frames on the machine that takes the task.
        task.addCommand(checkCommand(job.settings));
        task.addCommand(renderCommand(job.settings, chunk));
        task.addDependency(check);
        job.addTask(task);
    }
}

function checkCommand(settings) {
    return blenderCommand(settings, ["--command", "gan_style", "check"], ["--provider", settings.device]);
}

function renderCommand(settings, chunk) {
    const frames = chunk.replaceAll("-", "..");
    const device = `import os; os.environ["GAN_STYLE_DEVICE"] = "${settings.device}"`;
    const output = ["--render-output", settings.render_output_path, "--render-frame", frames];
    return blenderCommand(settings, [], ["--python-expr", device, ...output]);
}

function blenderCommand(settings, argsBefore, args) {
    const blender = { exe: "{blender}", exeArgs: "{blenderArgs}" };
    return author.Command("blender-render", { ...blender, argsBefore, blendfile: settings.blendfile, args });
}
