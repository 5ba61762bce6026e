"""An edition that is read from right to left."""

from __future__ import annotations

from dataclasses import replace

from newsletter.rendering.model import EditionView, ImageView, SectionView, StoryView
from newsletter.testing.samples.parts import COURIER, DAY, PICTURES, body, bullet


def right_to_left() -> EditionView:
    """An edition in Arabic, with Latin names and digits within it."""
    lead = StoryView(
        key="harbour-ar",
        headline="الناخبون يؤيدون خطة الميناء",
        kicker="بورت مارين",
        short_headline="فوز خطة الميناء",
        dek="صندوق الاقتراع ينهي جدلًا دام اثني عشر عامًا، والفاتورة تأتي بعده.",
        byline="ليلى حداد",
        url="https://courier.example.org/ar/harbour-vote",
        bullets=(
            bullet("التكلفة", "تُقدَّر الخطة الآن بنحو 640 مليونًا بعد أن كانت 410 ملايين."),
            bullet("على الأرصفة", "قال صيادون لمراسلينا إنهم وُعدوا بمراسٍ جديدة ولم يروا أي رسوم."),
            bullet("التالي", "يجتمع المجلس يوم الخميس لاختيار المقاول (Maren Works Ltd)."),
        ),
        image=ImageView(
            f"{PICTURES}/harbour.jpg",
            "الميناء القديم عند الفجر وثلاث رافعات ساكنة فوق الماء.",
            caption="الميناء القديم صباح الأحد قبل فتح مراكز الاقتراع.",
            credit="لينا آرتس",
            width=1200,
            height=675,
        ),
        **body(  # type: ignore[arg-type]
            "قال المجلس البلدي إنه نال تفويضًا واضحًا يوم الأحد لإعادة بناء الميناء القديم، أكبر مشروع عام في تاريخ المدينة. "
            "وبلغت نسبة المشاركة 71 في المئة.",
            "وقالت رئيسة البلدية إيناس أوكافور: «طرحنا سؤالًا بسيطًا وتلقينا جوابًا بسيطًا».",
        ),
    )
    briefs = (
        StoryView(
            key="ferry-ar",
            headline="عبّارة تائهة تعود وكل ركابها بخير",
            kicker="المضيق",
            url="https://courier.example.org/ar/ferry",
            image=ImageView(f"{PICTURES}/lighthouse.jpg", "منارة ترسل ضوءها فوق مضيق مظلم.", width=640, height=480),
            **body("انجرفت العبّارة الليلية خمس ساعات وعلى متنها 212 راكبًا بعد تعطل مولداتها."),  # type: ignore[arg-type]
        ),
        StoryView(
            key="olives-ar",
            headline="أصغر موسم زيتون منذ ثلاثين عامًا",
            kicker="وادي فيلم",
            url="https://courier.example.org/ar/olives",
            **body("جمع المزارعون ثلث ما قطفوه في الخريف الماضي، وأغلقت المعاصر أبوابها مبكرًا."),  # type: ignore[arg-type]
        ),
    )
    headlines = (
        StoryView(
            key="lunch-ar", headline="وجبات مدرسية مجانية في كل الجزر", url="https://courier.example.org/ar/lunch"
        ),
        StoryView(
            key="opera-ar",
            headline="دار الأوبرا تفتح أبوابها من جديد",
            kicker="ثقافة",
            url="https://courier.example.org/ar/opera",
        ),
    )
    return EditionView(
        key="morning/2026-11-23",
        briefing="موجز الصباح",
        date=DAY,
        weekday="الاثنين",
        long_date="الاثنين، 23 نوفمبر 2026",
        publication=replace(COURIER, name="بريد بورت مارين"),
        segment="arabic",
        sections=(
            SectionView("lead", "", "lead", (lead,)),
            SectionView("night", "بينما كنت نائمًا", "brief", briefs),
            SectionView("also", "أيضًا اليوم", "list", headlines),
        ),
        subject="موجز الاثنين: فوز خطة الميناء",
        preheader="بورت مارين تصوّت على مينائها، وعبّارة تعود سالمة.",
        greeting="صباح الخير",
        introduction="اثنا عشر عامًا وأربعة رؤساء بلدية وورقة اقتراع واحدة.",
        sign_off="هذا هو الصباح.\n— ليلى حداد",
        reason="تصلك هذه الرسالة لأنك اشتركت في موجز الصباح.",
        language="ar",
        direction="rtl",
    )
