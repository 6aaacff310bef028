using Bam.Files;
using Shouldly;
using Xunit;

namespace Bam.Tests.Files;

public sealed class FreeSpaceTests
{
    [Fact]
    public void What_fits_passes_and_what_does_not_names_both_numbers()
    {
        using var directory = new TemporaryDirectory();
        FreeSpace.Require(directory["not/yet/there"], 1);
        Should.Throw<WorkFailedException>(() => FreeSpace.Require(directory["not/yet/there"], long.MaxValue))
            .Message.ShouldMatch(
                @"there: 9,223,372,036,854,775,807 bytes are to be written but .* has only [\d,]+ free; "
                    + "make room or write elsewhere");
    }
}
