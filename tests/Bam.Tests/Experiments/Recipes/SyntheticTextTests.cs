using Bam.Experiments.Recipes;
using Shouldly;
using Xunit;

namespace Bam.Tests.Experiments.Recipes;

public sealed class SyntheticTextTests : IDisposable
{
    private readonly TemporaryDirectory directory = new();

    public void Dispose() => directory.Dispose();

    [Fact]
    public void A_file_of_the_users_is_not_written_over()
    {
        var file = SyntheticText.Write(directory.Root, "law");
        SyntheticText.Write(directory.Root, "law").ShouldBe(file);
        File.WriteAllText(file, "precious");
        Should.Throw<InvalidInputException>(() => SyntheticText.Write(directory.Root, "law"))
            .Message.ShouldBe($"{file}: is there already, and is not the text of a smoke run; choose another --output");
        File.ReadAllText(file).ShouldBe("precious");
    }
}
