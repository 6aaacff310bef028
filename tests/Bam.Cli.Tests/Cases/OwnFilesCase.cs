using Shouldly;

namespace Bam.Cli.Tests.Cases;

/// <summary>Texts, a tokenizer that was trained on them, and a model, beside what a test calls the user's own.</summary>
public abstract class OwnFilesCase : IDisposable
{
    private protected const string Model = "model";

    private protected static readonly string Dense = RepositoryRoot.PathOf("tests", "fixtures", "bam", "dense-parallel");

    private protected readonly CaseFiles files = new(null);
    private protected readonly Dictionary<string, string> written = [];

    private protected OwnFilesCase()
    {
        for (var i = 0; i < 30; i++) Write($"raw/{i}.txt", $"text {i} of {string.Join(' ', Enumerable.Range(i * 1000, 60))}");
        Copy(Dense, Model);
        CommandLineRun.Of(
            "tokenizer", "train", files["raw"], "--vocab-size", "300", "--output", files["tok.json"]).Status.ShouldBe(0);
    }

    public void Dispose()
    {
        files.Dispose();
        GC.SuppressFinalize(this);
    }

    private protected CommandLineRun Build(string input, string output) =>
        CommandLineRun.Of(
            "data", "build", "--input", files[input], "--tokenizer", files["tok.json"], "--output", files[output],
            "--near-duplicate-similarity", "1");

    /// <summary>The run was refused by one line and changed no file.</summary>
    private protected void MustRefuse(CommandLineRun run, string? line = null, string contains = "")
    {
        run.Status.ShouldBe(ExitStatus.WrongRequest, run.Error);
        run.Error.Count(letter => letter == '\n').ShouldBe(1);
        if (line is not null) run.Error.ShouldBe($"bam: {line}\n");
        run.Error.ShouldContain(contains);
        foreach (var (path, content) in written) File.ReadAllText(path).ShouldBe(content);
    }

    private protected void Write(string name, string content)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(files[name])!);
        File.WriteAllText(files[name], content);
        written[files[name]] = content;
    }

    private protected void Move(string from, string to)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(files[to])!);
        File.Move(files[from], files[to]);
    }

    private protected void Copy(string model, string name)
    {
        Directory.CreateDirectory(files[name]);
        foreach (var file in Directory.GetFiles(model)) File.Copy(file, files[Path.Combine(name, Path.GetFileName(file))]);
    }

    private protected void Link(string existing, string name)
    {
        using var link = System.Diagnostics.Process.Start("ln", [files[existing], files[name]]);
        link.WaitForExit();
        link.ExitCode.ShouldBe(0);
    }
}
