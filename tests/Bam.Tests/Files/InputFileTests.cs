using System.Diagnostics;
using Bam.Files;
using Shouldly;
using Xunit;

namespace Bam.Tests.Files;

public sealed class InputFileTests : IDisposable
{
    private readonly TemporaryDirectory directory = new();

    public void Dispose() => directory.Dispose();

    [Fact]
    public void Bytes_come_as_they_are()
    {
        foreach (var length in new[] { 0, 1, 70_000 })
        {
            var bytes = Enumerable.Range(0, length).Select(i => (byte)i).ToArray();
            File.WriteAllBytes(directory["x"], bytes);
            InputFile.ReadAllBytes(directory["x"], "").ShouldBe(bytes);
        }

        InputFile.ReadAllText("/proc/self/status", "").ShouldContain("Pid:");
    }

    [Theory]
    [InlineData("a\nb\r\nc\rd", new[] { "a", "b", "c", "d" })]
    [InlineData("\uFEFFa\n\n", new[] { "a", "" })]
    [InlineData("", new string[0])]
    public void Lines_end_as_on_any_system(string text, string[] lines)
    {
        File.WriteAllText(directory["x"], text);
        InputFile.ReadLines(directory["x"], "").ShouldBe(lines);
    }

    [Fact]
    public void A_pipe_is_read_to_its_end_and_one_without_an_end_is_refused()
    {
        Pipe("head -c 100000 /dev/zero", () => InputFile.ReadAllBytes(directory["pipe"], "").Length.ShouldBe(100_000));
        Pipe("cat /dev/zero", () => Should.Throw<InvalidInputException>(() => InputFile.ReadAllBytes(directory["pipe"], ""))
            .Message.ShouldBe(
                $"{directory["pipe"]}: expected a file of at most 67,108,864 bytes, found more; is it the right file?"));
        Pipe("cat /dev/zero", () => Should.Throw<InvalidInputException>(
            () => InputFile.ReadAllBytes(directory["pipe"], "", most: 70_000))
            .Message.ShouldContain("at most 70,000 bytes, found more"));
        Pipe(
            "head -c 70000 /dev/zero", () => InputFile.ReadAllBytes(directory["pipe"], "", most: 70_000).Length.ShouldBe(70_000));
        Pipe("cat /dev/zero", () => Should.Throw<InvalidInputException>(() => InputFile.ReadLines(directory["pipe"], "").First())
            .Message.ShouldContain("expected a line of at most 33,554,432 characters, found a longer one"));
    }

    [Fact]
    public void A_pipe_without_a_writer_is_refused()
    {
        Run("mkfifo", directory["pipe"]).WaitForExit();
        Should.Throw<InvalidInputException>(() => InputFile.ReadAllBytes(directory["pipe"], ""))
            .Message.ShouldBe(
                $"{directory["pipe"]}: expected a file, found a pipe that nobody writes into; start the writer first, or give "
                    + "a file");
        Should.Throw<InvalidInputException>(() => InputFile.OpenRead(directory["pipe"], ""))
            .Message.ShouldBe($"{directory["pipe"]}: expected a regular file, found a pipe; write it to a file first");
    }

    private void Pipe(string writer, Action read)
    {
        Run("mkfifo", directory["pipe"]).WaitForExit();
        using var shell = Run("bash", "-c", $"{writer} > '{directory["pipe"]}' 2> /dev/null");
        read();
        shell.WaitForExit();
        File.Delete(directory["pipe"]);
    }

    private static Process Run(string command, params string[] arguments) => Process.Start(command, arguments);
}
