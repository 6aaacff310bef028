using Bam.Experiments.Phases;
using Shouldly;
using Xunit;

namespace Bam.Tests.Experiments.Phases;

public sealed class FileHashesTests : IDisposable
{
    private readonly string directory = Directory.CreateTempSubdirectory("bam-hashes-").FullName;

    private string Memory => Path.Combine(directory, "inputs.json");

    public void Dispose() => Directory.Delete(directory, recursive: true);

    [Fact]
    public void A_hash_is_sha256_of_the_bytes() =>
        new FileHashes(Memory).Of(Write("a", "abc")).ShouldBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");

    [Fact]
    public void A_changed_file_is_read_again()
    {
        var hashes = new FileHashes(Memory);
        var path = Write("a", "abc");
        var before = hashes.Of(path);
        Write("a", "abcd");

        hashes.Of(path).ShouldNotBe(before);
    }

    [Fact]
    public void What_is_remembered_is_not_read_again()
    {
        var path = Write("a", "abc");
        var first = new FileHashes(Memory);
        var hash = first.Of(path);
        first.Remember();
        var time = File.GetLastWriteTimeUtc(path);
        File.WriteAllText(path, "xyz");
        File.SetLastWriteTimeUtc(path, time);

        new FileHashes(Memory).Of(path).ShouldBe(hash);
    }

    [Fact]
    public void The_order_of_files_matters()
    {
        var hashes = new FileHashes(Memory);
        var (a, b) = (Write("a", "1"), Write("b", "2"));

        hashes.OfAll([a, b]).ShouldNotBe(hashes.OfAll([b, a]));
    }

    [Fact]
    public void A_missing_file_costs_one_line() =>
        Should.Throw<InvalidInputException>(() => new FileHashes(Memory).Of(Path.Combine(directory, "lost"))).Message
            .ShouldBe($"{Path.Combine(directory, "lost")}: does not exist; check the path");

    [Theory]
    [InlineData("{")]
    [InlineData("[]")]
    [InlineData("{\"PATH\": null}")]
    [InlineData("{\"PATH\": {\"Length\": 3, \"ChangedAt\": TIME, \"Sha256\": null}}")]
    [InlineData("{\"PATH\": {\"Length\": 3, \"ChangedAt\": TIME, \"Sha256\": \"ab\"}}")]
    public void A_damaged_memory_is_forgotten(string json)
    {
        var path = Write("a", "abc");
        File.WriteAllText(Memory, json.Replace("PATH", path, StringComparison.Ordinal)
            .Replace("TIME", $"{File.GetLastWriteTimeUtc(path).Ticks}", StringComparison.Ordinal));

        new FileHashes(Memory).Of(path).ShouldStartWith("ba7816bf");
    }

    private string Write(string name, string text)
    {
        var path = Path.Combine(directory, name);
        File.WriteAllText(path, text);
        return path;
    }
}
